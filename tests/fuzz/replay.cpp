// SPDX-License-Identifier: MIT
// Runs every file of a corpus, and every beginning of it, through a target: what `ctest` does where there is
// no libFuzzer. A target that finds fault ends the program; the last line of output is then the file.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

int main(int argc, char** argv) {
  constexpr std::size_t most_beginnings = 512;
  std::vector<std::filesystem::path> files;
  for (int i = 1; i < argc; ++i) {
    const std::filesystem::directory_iterator corpus(argv[i]);
    std::copy(begin(corpus), end(corpus), std::back_inserter(files));
  }
  std::sort(files.begin(), files.end());
  for (const auto& file : files) {
    std::printf("%s\n", file.c_str());
    std::fflush(stdout);
    std::ifstream stream(file, std::ios::binary);
    const std::string bytes{std::istreambuf_iterator<char>(stream), {}};
    for (std::size_t size = 0; size <= std::min(bytes.size(), most_beginnings); ++size) {
      const std::vector<std::uint8_t> exact(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size));
      LLVMFuzzerTestOneInput(exact.data(), exact.size());
    }
    const std::vector<std::uint8_t> whole(bytes.begin(), bytes.end());
    LLVMFuzzerTestOneInput(whole.data(), whole.size());
  }
  const std::string name = std::filesystem::path(argv[0]).filename();
  std::printf("%s: %zu passed, %d failed, 0 skipped\n", name.c_str(), files.size(), files.empty() ? 1 : 0);
  return files.empty() ? 1 : 0;
}

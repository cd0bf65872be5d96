// SPDX-License-Identifier: MIT
// main() of both test programs. Its last line is for scripts: `NAME: N passed, N failed, N skipped`.
#define DOCTEST_CONFIG_IMPLEMENT
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <ostream>

#include "support/check.hpp"
#include "support/namespace.hpp"

namespace {

struct Totals {
  std::string current;
  bool current_skipped = false;
  unsigned passed = 0;
  unsigned failed = 0;
  unsigned skipped = 0;
};
Totals totals;

class Counter : public doctest::IReporter {
 public:
  explicit Counter(const doctest::ContextOptions&) {}
  void test_case_start(const doctest::TestCaseData& data) override {
    totals.current = data.m_name;
    totals.current_skipped = false;
  }
  void test_case_end(const doctest::CurrentTestCaseStats& stats) override {
    if (stats.failure_flags != doctest::TestCaseFailureReason::None) {
      ++totals.failed;
    } else if (totals.current_skipped) {
      ++totals.skipped;
    } else {
      ++totals.passed;
    }
  }
  void report_query(const doctest::QueryData&) override {}
  void test_run_start() override {}
  void test_run_end(const doctest::TestRunStats&) override {}
  void test_case_reenter(const doctest::TestCaseData&) override {}
  void test_case_exception(const doctest::TestCaseException&) override {}
  void subcase_start(const doctest::SubcaseSignature&) override {}
  void subcase_end() override {}
  void log_assert(const doctest::AssertData&) override {}
  void log_message(const doctest::MessageData&) override {}
  void test_case_skipped(const doctest::TestCaseData&) override {}
};

REGISTER_LISTENER("counter", 1, Counter);

}  // namespace

void support::skip(std::string_view reason) {
  totals.current_skipped = true;
  std::printf("skipped: %s: %.*s\n", totals.current.c_str(), static_cast<int>(reason.size()), reason.data());
}

const std::string& support::current_case() { return totals.current; }

int main(int argc, char** argv) {
  doctest::Context context(argc, argv);
  context.setOption("no-version", true);
  context.setOption("no-intro", true);
  const int result = context.run();
  if (context.shouldExit()) return result;
  std::printf("skipped: %u\n", totals.skipped);
  const std::string name = std::filesystem::path(argv[0]).filename();
  std::printf("%s: %u passed, %u failed, %u skipped\n", name.c_str(), totals.passed, totals.failed, totals.skipped);
  const bool only_skipped = totals.skipped > 0 && totals.passed == 0 && totals.failed == 0;
  return support::inside_namespace() && only_skipped ? support::skipped_status : result;
}

// SPDX-License-Identifier: MIT
#include "output/results.hpp"

#include "output/hexdump.hpp"
#include "output/terminal.hpp"
#include "output/timestamp.hpp"

namespace output {

bool ResultWriter::is_live() const { return is_text() && redraws(); }

void ResultWriter::tell_raw(std::string_view bytes) {
  if (options_.format != Format::raw) return;
  sink_.buffer() += bytes;
  if (options_.delimiter) sink_.buffer() += *options_.delimiter;
  sink_.mark(1);
}

void ResultWriter::line(std::string_view words, net::SystemTime time, std::string_view bytes) {
  std::string& out = sink_.buffer();
  if (options_.timestamps) {
    append_time(out, time, 6);
    out += '\t';
  }
  out += words;
  out += '\n';
  if (options_.format == Format::hex) append_hexdump(out, bytes);
  sink_.mark(1);
}

}  // namespace output

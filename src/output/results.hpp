// SPDX-License-Identifier: MIT
// Results that are one statement each: an event with -j, lines where people read, bytes with -o raw, else nothing.
#pragma once

#include <string>
#include <string_view>

#include "net/datagram.hpp"
#include "output/json.hpp"
#include "output/options.hpp"
#include "output/sink.hpp"

namespace output {

class ResultWriter {
 public:
  ResultWriter(const Options& options, Sink& sink) : options_(options), sink_(sink) {}

  bool json() const { return options_.format == Format::json; }
  // True where results are lines on a terminal, which may be drawn anew.
  bool is_live() const;

  // An event that no text tells.
  template <class Fields>
  void tell(std::string_view name, const Fields& add_fields) {
    tell(name, add_fields, [](std::string&) {});
  }
  // The event `name` with what `add_fields(JsonEvent&)` adds, or what `append_text(std::string&)` appends.
  template <class Fields, class Text>
  void tell(std::string_view name, const Fields& add_fields, const Text& append_text, net::SystemTime time = now()) {
    if (json()) {
      JsonEvent event(sink_.buffer(), name, time);
      add_fields(event);
    } else {
      tell_text(append_text);
    }
  }
  template <class Text>
  void tell_text(const Text& append_text) {
    if (is_text()) append_text(sink_.buffer());
  }
  // The same of a record: where it could not be written, it is counted. `write_lines()` calls line().
  template <class Fields, class Lines>
  void tell_record(std::string_view name, const Fields& add_fields, const Lines& write_lines,
                   net::SystemTime time = now()) {
    tell(
        name, add_fields, [&](std::string&) { write_lines(); }, time);
    if (json()) sink_.mark(1);
  }
  // A record of these bytes, where results are raw.
  void tell_raw(std::string_view bytes);
  // A line of text that is a record, with the time before it where that is asked for.
  void line(std::string_view words) { line(words, now()); }
  // The same of what came at that time, with the bytes below it where they are asked for.
  void line(std::string_view words, net::SystemTime time, std::string_view bytes = {});

 protected:
  const Options& options() const { return options_; }
  Sink& sink() const { return sink_; }

 private:
  bool is_text() const { return options_.format == Format::text || options_.format == Format::hex; }

  Options options_;
  Sink& sink_;
};

}  // namespace output

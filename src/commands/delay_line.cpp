// SPDX-License-Identifier: MIT
#include "commands/delay_line.hpp"

namespace commands {

run::Clock::time_point DelayLine::now() {
  if (!now_) now_ = run::Clock::now();
  return *now_;
}

void DelayLine::release() {
  const auto moment = now();
  now_.reset();
  while (auto parcel = way_.leave(moment)) leaving_.push_back(std::move(*parcel));
  hold(!way_.empty());
  arm();
  if (leaving_.empty()) return;
  leave_(leaving_);
  leaving_.clear();
}

void DelayLine::arm() {
  const auto due = way_.due();
  if (!due || (armed_ && *armed_ <= *due)) return;
  armed_ = due;
  loop_.at(*due, [this, due] {
    if (armed_ == due) armed_.reset();
    release();
  });
}

void DelayLine::give_up() {
  way_.give_up();
  hold(false);
}

void DelayLine::hold(bool wanted) {
  if (wanted == holding_) return;
  holding_ = wanted;
  if (wanted) {
    loop_.hold();
  } else {
    loop_.release();
  }
}

}  // namespace commands

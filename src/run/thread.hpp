// SPDX-License-Identifier: MIT
// A thread that runs a loop beside the first one.
#pragma once

#include <thread>

#include "run/loop.hpp"

namespace run {

// Confined as the thread that starts it. What handlers throw comes out of the first loop's run().
class LoopThread {
 public:
  // `loop` was made for `first`; both must outlive this. Throws base::Failure.
  LoopThread(Loop& loop, Loop& first);
  ~LoopThread() { end(); }
  LoopThread(const LoopThread&) = delete;
  LoopThread& operator=(const LoopThread&) = delete;

  // The handler that runs is the last one. From now on whatever it worked on is the caller's.
  void end();

 private:
  void work();

  Loop& loop_;
  Loop& first_;
  std::thread thread_;
};

}  // namespace run

// SPDX-License-Identifier: MIT
// `--stamp-key FILE`: what both ends of an authenticated session know.
#pragma once

#include <string>

#include "output/report.hpp"

namespace commands {

// The file's bytes, less one newline at the end. A notice when others may read it. Throws base::Failure when it cannot
// be read or holds no key.
std::string read_stamp_key(const std::string& path, output::Report& report);

}  // namespace commands

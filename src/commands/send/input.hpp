// SPDX-License-Identifier: MIT
// A file, or stdin, as payloads.
#pragma once

#include <cstddef>
#include <memory>

#include "commands/send/source.hpp"

namespace commands {

// Cut at a delimiter or every so many bytes.
std::unique_ptr<PayloadSource> make_pieces(const SourceOptions& options, const PayloadLimit& limit);
// All of it, or --offset's and --length's part, as one.
std::unique_ptr<PayloadSource> make_whole(const SourceOptions& options, const PayloadLimit& limit);

}  // namespace commands

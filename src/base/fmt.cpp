// SPDX-License-Identifier: MIT
// What fmt's library holds, compiled once, here: Debian has that library as a shared object only, and loading it costs
// every start more than all that `send` does.
#include <fmt/format-inl.h>

FMT_BEGIN_NAMESPACE
namespace detail {

template FMT_API auto dragonbox::to_decimal(float value) noexcept -> dragonbox::decimal_fp<float>;
template FMT_API auto dragonbox::to_decimal(double value) noexcept -> dragonbox::decimal_fp<double>;
template FMT_API void buffer<char>::append(const char* begin, const char* end);
template FMT_API auto thousands_sep_impl(locale_ref locale) -> thousands_sep_result<char>;
template FMT_API auto decimal_point_impl(locale_ref locale) -> char;
#if FMT_VERSION >= 100000  // Debian 13's is 10.1: there this is in the library, too
template FMT_API void vformat_to(buffer<char>& buffer, string_view format, vformat_args<>::type arguments,
                                 locale_ref locale);
#endif

}  // namespace detail
FMT_END_NAMESPACE

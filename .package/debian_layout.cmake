# SPDX-License-Identifier: MIT
# Run by cpack between staging and packing: what Debian's policy asks of a package and an ordinary `cmake --install`
# does not. The manual page and the changelog are compressed, the licence is `copyright`, and zsh has a directory of
# its own for what comes in packages.
set(share ${CPACK_TEMPORARY_INSTALL_DIRECTORY}/usr/share)
set(doc ${share}/doc/udptool)
file(REMOVE ${doc}/LICENSE)
file(RENAME ${share}/zsh/site-functions ${share}/zsh/vendor-completions)
configure_file(${CMAKE_CURRENT_LIST_DIR}/copyright ${doc}/copyright COPYONLY)
configure_file(${CMAKE_CURRENT_LIST_DIR}/changelog ${doc}/changelog.Debian COPYONLY)
foreach(service udptool-reflector udptool-probe)
  file(MAKE_DIRECTORY ${CPACK_TEMPORARY_INSTALL_DIRECTORY}/etc/default)
  file(RENAME ${doc}/examples/${service}.default ${CPACK_TEMPORARY_INSTALL_DIRECTORY}/etc/default/${service})
endforeach()
execute_process(COMMAND gzip -9nf ${share}/man/man1/udptool.1 ${doc}/changelog.Debian COMMAND_ERROR_IS_FATAL ANY)

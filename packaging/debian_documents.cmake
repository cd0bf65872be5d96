# Run by cpack between staging and packing: what Debian's policy asks of a package's documents and an ordinary
# `cmake --install` does not need. The manual page and the changelog are compressed, the licence is `copyright`.
file(GLOB doc LIST_DIRECTORIES ON ${CPACK_TEMPORARY_INSTALL_DIRECTORY}/usr/share/doc/*)
file(GLOB manual ${CPACK_TEMPORARY_INSTALL_DIRECTORY}/usr/share/man/man1/*.1)
file(REMOVE ${doc}/LICENSE)
configure_file(${CMAKE_CURRENT_LIST_DIR}/copyright ${doc}/copyright COPYONLY)
configure_file(${CMAKE_CURRENT_LIST_DIR}/changelog ${doc}/changelog.Debian COPYONLY)
execute_process(COMMAND gzip -9nf ${manual} ${doc}/changelog.Debian COMMAND_ERROR_IS_FATAL ANY)

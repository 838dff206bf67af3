// SPDX-License-Identifier: Apache-2.0
//
// What the demo serves: a copy of a source tree and one large generated file, below one folder.
//
// The tree is what `git ls-files` lists, or, where there is no repository, every regular file below
// the folder except `.git` and `build`. It is copied (a hard link where the file system allows it)
// so that the server's root holds the tree and nothing else of the repository's folder. The large
// file is made of a fixed pseudo-random sequence, once; a file of the right size is kept.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "io/error.h"

namespace quicore::tools {

struct DemoFile {
  std::string path;                // below the root, with '/'; "tree/io/time.h"
  std::filesystem::path original;  // what the fetched copy must equal
  std::uint64_t size = 0;
};

struct Site {
  std::filesystem::path root;
  std::vector<DemoFile> tree;
  DemoFile large;

  [[nodiscard]] std::uint64_t tree_bytes() const;
};

// Called often while something long goes on, with a share of it from 0 to 1; false stops it.
using Progress = std::function<bool(double)>;

// The paths of the files of a tree, relative to it, sorted. `scratch` is a folder for temporary
// files. Errors: invalid_argument when there are none.
Result<std::vector<std::filesystem::path>> list_tree(const std::filesystem::path& tree,
                                                     const std::filesystem::path& scratch);

// Errors: those of list_tree; system with the path of what cannot be read or written; cancelled.
Result<Site> prepare_site(const std::filesystem::path& tree, const std::filesystem::path& folder,
                          std::uint64_t large_size, const Progress& progress);

}  // namespace quicore::tools

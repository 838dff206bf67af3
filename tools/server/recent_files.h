// SPDX-License-Identifier: Apache-2.0
//
// The files of a site that were asked for a moment ago, and what is in the small ones. To find a file,
// to make sure that no link leads out of the root, to look for compressed siblings and to read it takes
// some fifteen system calls; of many requests for the same file one in kFresh makes them.
//
// A small file that changes is served as it was for kFresh at most. What is missing, and what is not in
// memory here, is looked up each time: headers and content are of the same moment.
//
// Threading: one for each shard and site.
// Cost: a look-up of the path; at most kMostFiles * kLargestContent of content.
#pragma once

#include <chrono>
#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "io/buf.h"
#include "io/time.h"
#include "tools/server/file_site.h"

namespace quicore::tools {

class RecentFile {
 public:
  RecentFile(SiteEntry entry, std::vector<SiteFile> encoded, Instant until);

  const SiteEntry& entry() const noexcept { return entry_; }
  // Its precompressed siblings.
  const std::vector<SiteFile>& encoded() const noexcept { return encoded_; }
  // All of `file`, the entry's or one of encoded(). Nothing when it is large, or has changed since it
  // was looked up, or is not in the page cache.
  std::optional<Buf> content(const SiteFile& file);

 private:
  friend class RecentFiles;
  // Whether there is content() of all of them.
  bool is_in_memory();

  struct Content {
    bool tried = false;
    std::optional<Buf> buf{};
  };

  SiteEntry entry_;
  std::vector<SiteFile> encoded_;
  std::vector<Content> contents_;  // of the file, then of the siblings
  Instant until_;
};

class alignas(64) RecentFiles {  // beside it lies that of another thread
 public:
  // Reason: nobody who saves a file and loads the page is faster, and a thousandth of the requests
  // for a file that is asked for ten thousand times a second pays for the look-up.
  static constexpr std::chrono::milliseconds kFresh{100};
  // Reason: what a busy site serves within kFresh. All are forgotten when there are more.
  static constexpr std::size_t kMostFiles = 1024;
  // Reason: copying a larger one takes longer than its system calls; all of them take 16 MiB a shard.
  static constexpr std::size_t kLargestContent = std::size_t{16} * 1024;

  // As FileSite::look_up of the same site. What it refers to is valid until the next call.
  RecentFile& look_up(const FileSite& site, std::string_view target, Instant now);
  std::size_t size() const noexcept { return files_.size(); }

 private:
  std::map<std::string, RecentFile, std::less<>> files_;
  std::optional<RecentFile> other_;  // no file: the last one
};

}  // namespace quicore::tools

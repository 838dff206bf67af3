// SPDX-License-Identifier: Apache-2.0
#include "tools/demo/site.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <system_error>

#include "tools/common/child_process.h"
#include "tools/common/format.h"

namespace quicore::tools {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kBlock = 1 << 20;
constexpr std::chrono::seconds kListingTime{20};

std::unexpected<Error> failed(const std::string& what, const std::error_code& error) {
  return std::unexpected(Error::system(error.value(), what + ": " + error.message()));
}

// What git lists; empty if there is no git or no repository.
std::vector<fs::path> list_by_git(const fs::path& tree, const fs::path& scratch) {
  const fs::path output = scratch / "git-ls-files.out";
  auto git = ChildProcess::start(
      {{"git", "-C", tree.string(), "ls-files", "-z"}, {}, output, scratch / "git-ls-files.err"});
  std::vector<fs::path> files;
  if (!git) return files;
  const auto status = git->wait_for(kListingTime);
  if (!status || !status->success()) return files;
  const std::string names = read_text(output);
  for (std::size_t begin = 0; begin < names.size();) {
    const std::size_t end = names.find('\0', begin);
    const fs::path name = names.substr(begin, end - begin);
    // The index may name what was deleted, and links, which a server need not follow.
    std::error_code ignored;
    if (fs::symlink_status(tree / name, ignored).type() == fs::file_type::regular) {
      files.push_back(name);
    }
    begin = end == std::string::npos ? names.size() : end + 1;
  }
  return files;
}

std::vector<fs::path> list_by_walk(const fs::path& tree) {
  std::vector<fs::path> files;
  std::error_code ignored;
  fs::recursive_directory_iterator entry(tree, fs::directory_options::skip_permission_denied,
                                         ignored);
  for (; entry != fs::recursive_directory_iterator(); entry.increment(ignored)) {
    const fs::path name = entry->path().lexically_relative(tree);
    if (name == ".git" || name == "build") {
      entry.disable_recursion_pending();
    } else if (entry->symlink_status(ignored).type() == fs::file_type::regular) {
      files.push_back(name);
    }
  }
  return files;
}

Result<> link_or_copy(const fs::path& from, const fs::path& to) {
  std::error_code error;
  fs::create_directories(to.parent_path(), error);
  if (error) return failed("cannot create " + to.parent_path().string(), error);
  fs::create_hard_link(from, to, error);
  if (error) fs::copy_file(from, to, fs::copy_options::overwrite_existing, error);
  if (error) return failed("cannot copy " + from.string() + " to " + to.string(), error);
  return {};
}

// SplitMix64 (Steele, Lea, Flood 2014): fast, and nothing compresses or repeats.
void fill(std::array<std::uint64_t, kBlock / 8>& block, std::uint64_t& state) {
  for (std::uint64_t& word : block) {
    std::uint64_t mixed = state += 0x9e3779b97f4a7c15U;
    mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9U;
    mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111ebU;
    word = mixed ^ (mixed >> 31);
  }
}

// Written under another name first, so that an interrupted run leaves no short file behind.
Result<> generate(const fs::path& path, std::uint64_t size, const Progress& progress) {
  std::error_code error;
  if (fs::file_size(path, error) == size && !error) return {};
  const fs::path partial = path.string() + ".partial";
  std::ofstream file(partial, std::ios::binary | std::ios::trunc);
  std::array<std::uint64_t, kBlock / 8> block;
  std::uint64_t state = size;
  for (std::uint64_t written = 0; written < size && file;) {
    fill(block, state);
    const std::uint64_t piece = std::min<std::uint64_t>(kBlock, size - written);
    file.write(reinterpret_cast<const char*>(block.data()), static_cast<std::streamsize>(piece));
    written += piece;
    if (!progress(static_cast<double>(written) / static_cast<double>(size))) {
      file.close();
      fs::remove(partial, error);
      return failure(Errc::cancelled, "interrupted");
    }
  }
  file.close();
  if (!file) {
    const int number = errno;
    fs::remove(partial, error);
    return std::unexpected(Error::system(number, "cannot write " + format_size(size) + " to " +
                                                     partial.string() + ": " +
                                                     std::strerror(number)));
  }
  fs::rename(partial, path, error);
  if (error) return failed("cannot create " + path.string(), error);
  return {};
}

}  // namespace

std::uint64_t Site::tree_bytes() const {
  std::uint64_t sum = 0;
  for (const DemoFile& file : tree) sum += file.size;
  return sum;
}

Result<std::vector<fs::path>> list_tree(const fs::path& tree, const fs::path& scratch) {
  std::vector<fs::path> files = list_by_git(tree, scratch);
  if (files.empty()) files = list_by_walk(tree);
  if (files.empty()) {
    return failure(Errc::invalid_argument,
                   "there are no files below " + tree.string() + ": name a folder with --tree");
  }
  std::sort(files.begin(), files.end());
  return files;
}

Result<Site> prepare_site(const fs::path& tree, const fs::path& folder, std::uint64_t large_size,
                          const Progress& progress) {
  std::error_code error;
  Site site{.root = folder, .tree = {}, .large = {}};
  fs::remove_all(folder / "tree", error);  // what an earlier run served may have been deleted
  fs::create_directories(folder, error);
  if (error) return failed("cannot create " + folder.string(), error);
  const auto names = list_tree(tree, folder);
  if (!names) return std::unexpected(names.error());
  for (const fs::path& name : *names) {
    const fs::path served = fs::path("tree") / name;
    if (auto copied = link_or_copy(tree / name, folder / served); !copied) {
      return std::unexpected(copied.error());
    }
    site.tree.push_back({served.generic_string(), tree / name, fs::file_size(tree / name, error)});
  }
  site.large = {"generated.bin", folder / "generated.bin", large_size};
  if (auto made = generate(site.large.original, large_size, progress); !made) {
    return std::unexpected(made.error());
  }
  return site;
}

}  // namespace quicore::tools

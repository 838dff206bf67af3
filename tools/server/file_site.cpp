// SPDX-License-Identifier: Apache-2.0
#include "tools/server/file_site.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <utility>

#include "tools/common/html_report.h"
#include "tools/common/percent.h"

namespace quicore::tools {

namespace fs = std::filesystem;

namespace {

constexpr std::int64_t kNanosecondsPerSecond = 1'000'000'000;

// The smallest as a rule first.
constexpr std::array<std::pair<std::string_view, std::string_view>, 3> kEncodings = {{
    {".br", "br"},
    {".zst", "zstd"},
    {".gz", "gzip"},
}};

constexpr std::string_view kDefaultType = "application/octet-stream";

constexpr std::array<std::pair<std::string_view, std::string_view>, 24> kTypes = {{
    {".html", "text/html; charset=utf-8"},
    {".htm", "text/html; charset=utf-8"},
    {".css", "text/css; charset=utf-8"},
    {".js", "text/javascript; charset=utf-8"},
    {".mjs", "text/javascript; charset=utf-8"},
    {".json", "application/json"},
    {".xml", "application/xml"},
    {".txt", "text/plain; charset=utf-8"},
    {".md", "text/markdown; charset=utf-8"},
    {".h", "text/plain; charset=utf-8"},
    {".cpp", "text/plain; charset=utf-8"},
    {".svg", "image/svg+xml"},
    {".png", "image/png"},
    {".jpg", "image/jpeg"},
    {".jpeg", "image/jpeg"},
    {".gif", "image/gif"},
    {".webp", "image/webp"},
    {".avif", "image/avif"},
    {".ico", "image/x-icon"},
    {".wasm", "application/wasm"},
    {".pdf", "application/pdf"},
    {".woff2", "font/woff2"},
    {".mp4", "video/mp4"},
    {".webm", "video/webm"},
}};

bool is_below(const fs::path& path, const fs::path& root) {
  const auto end = std::mismatch(root.begin(), root.end(), path.begin(), path.end()).first;
  return end == root.end();
}

}  // namespace

std::int64_t modified(const struct stat& status) {
  return status.st_mtim.tv_sec * kNanosecondsPerSecond + status.st_mtim.tv_nsec;
}

std::string_view mime_type_of(std::string_view name) {
  const std::size_t dot = name.rfind('.');
  if (dot == std::string_view::npos) return kDefaultType;
  const auto found = std::find_if(kTypes.begin(), kTypes.end(), [&](const auto& entry) {
    return entry.first == name.substr(dot);
  });
  return found == kTypes.end() ? kDefaultType : found->second;
}

FileSite::FileSite(const fs::path& root, SiteOptions options)
    : root_(fs::canonical(root)), options_(options) {}

bool FileSite::may_show(const fs::path& named, const fs::path& real) const {
  switch (options_.symlinks) {
    case Symlinks::none:
      return named == real;
    case Symlinks::inside:
      return is_below(real, root_);
    case Symlinks::all:
      return true;
  }
  return false;
}

std::optional<SiteFile> FileSite::open_file(const fs::path& path) const {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0 || !S_ISREG(status.st_mode)) return std::nullopt;
  if (::access(path.c_str(), R_OK) != 0) return std::nullopt;
  SiteFile file;
  file.path = path.native();
  file.size = static_cast<std::uint64_t>(status.st_size);
  file.modified = modified(status);
  file.type = mime_type_of(path.filename().native());
  return file;
}

SiteEntry FileSite::resolve(std::string_view target, bool slash_matters) const {
  const auto decoded = percent_decode(target.substr(0, target.find_first_of("?#")));
  if (!decoded || decoded->empty() || decoded->front() != '/' || has_dot_segment(*decoded)) {
    return {};
  }
  const bool slash = decoded->back() == '/';
  fs::path named = root_ / fs::path(decoded->substr(1)).lexically_normal();
  if (!named.has_filename()) named = named.parent_path();  // "folder/" is "folder"
  std::error_code error;
  fs::path real = fs::canonical(named, error);
  if (error || !may_show(named, real)) return {};
  if (fs::is_directory(real, error)) {
    if (slash_matters && !slash) return {.kind = SiteEntry::Kind::with_a_slash};
    const fs::path index = named / "index.html";
    const fs::path real_index = fs::canonical(index, error);
    if (error) {
      if (!options_.list || ::access(real.c_str(), R_OK | X_OK) != 0) return {};
      return {.kind = SiteEntry::Kind::directory, .path = real};
    }
    if (!may_show(index, real_index)) return {};
    real = real_index;
  } else if (slash) {
    return {};  // a file is no directory
  }
  auto file = open_file(real);
  if (!file) return {};
  return {.kind = SiteEntry::Kind::file, .file = std::move(*file)};
}

std::optional<SiteFile> FileSite::find(std::string_view target) const {
  SiteEntry entry = resolve(target, false);
  if (entry.kind != SiteEntry::Kind::file) return std::nullopt;
  return std::move(entry.file);
}

std::vector<SiteFile> FileSite::precompressed(const SiteFile& file) const {
  std::vector<SiteFile> found;
  for (const auto& [ending, encoding] : kEncodings) {
    // Most files have none: one look each, before links are followed.
    const fs::path named = file.path + std::string(ending);
    auto sibling = open_file(named);
    if (!sibling) continue;
    std::error_code error;
    const fs::path real = fs::canonical(named, error);
    if (error || !may_show(named, real)) continue;
    sibling->path = real.native();
    sibling->type = file.type;
    sibling->encoding = encoding;
    found.push_back(std::move(*sibling));
  }
  return found;
}

std::string listing_of(const fs::path& directory, std::string_view title) {
  std::vector<std::string> names;
  std::error_code error;
  for (fs::directory_iterator entry(directory, error), end; !error && entry != end;
       entry.increment(error)) {
    std::string name = entry->path().filename().native();
    if (name.starts_with('.')) continue;
    std::error_code ignored;
    if (entry->is_directory(ignored)) name += '/';
    names.push_back(std::move(name));
  }
  std::sort(names.begin(), names.end());
  const std::string heading = escape_html(title);
  std::string page = "<!doctype html>\n<meta charset=\"utf-8\">\n<title>" + heading +
                     "</title>\n<h1>" + heading + "</h1>\n<ul>\n<li><a href=\"../\">../</a></li>\n";
  for (const std::string& name : names) {
    // "./" keeps a name with a colon from being read as a scheme.
    page += "<li><a href=\"./" + escape_html(percent_encode_path(name)) + "\">" +
            escape_html(name) + "</a></li>\n";
  }
  return page + "</ul>\n";
}

}  // namespace quicore::tools

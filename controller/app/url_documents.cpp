#include "controller/app/url_documents.h"

#include <fstream>
#include <iterator>

#include "controller/app/state.h"
#include "controller/base/digest.h"
#include "controller/base/log.h"

namespace plumb::app {
namespace {

namespace fs = std::filesystem;

constexpr auto kUnused = std::chrono::days(7);

Error cannot(const fs::path& file, const std::error_code& error) {
  return {Fault::unavailable, fmt::format("keeping {}: {}", file.string(), error.message()), {}};
}

}  // namespace

UrlDocuments::UrlDocuments(fs::path folder, std::vector<std::string> egress, Use use)
    : folder_(std::move(folder)), use_(use), fetch_(std::move(egress)) {
  allow(std::chrono::minutes(1));
}

void UrlDocuments::allow(Duration all) { until_ = clock_.steady() + all; }

Result<DocumentStore::Content> UrlDocuments::get(const std::string& url, const std::string& digest) {
  if (auto known = kept(digest)) return known;
  if (use_ == Use::look) return fail(Fault::not_found, "the document was not fetched");
  if (clock_.steady() >= until_)
    return fail(Fault::timeout, "it was not fetched, because others took too long; it is tried again");
  PLUMB_TRY(std::string content, fetch_.get(url, {until_}));
  if (const std::string found = sha256(content); found != digest)
    return fail(Fault::denied, "what is there has the SHA-256 {}, and is pinned to {}", found, digest);
  if (const auto done = keep(digest, content); !done)
    log::warning("document.not_kept", "{}; it is fetched again when it is needed", done.error().message);
  return std::make_shared<const std::string>(std::move(content));
}

// What is damaged is not there.
DocumentStore::Content UrlDocuments::kept(const std::string& digest) const {
  std::ifstream in(folder_ / digest, std::ios::binary);
  if (!in) return nullptr;
  std::string content{std::istreambuf_iterator<char>(in), {}};
  return sha256(content) == digest ? std::make_shared<const std::string>(std::move(content)) : nullptr;
}

Result<void> UrlDocuments::keep(const std::string& digest, const std::string& content) const {
  PLUMB_CHECK(make_state_directory(folder_.parent_path()));
  std::error_code error;
  fs::create_directory(folder_, error);
  if (error) return Failure(cannot(folder_, error));
  // Under its name only once it is whole: another process may look for it.
  const fs::path file = folder_ / digest, part = folder_ / fmt::format(".{}.{}", digest, random_hex(8));
  std::ofstream out(part, std::ios::binary);
  out << content;
  out.close();
  if (!out) error = std::make_error_code(std::errc::io_error);
  if (!error) fs::rename(part, file, error);
  if (!error) return {};
  std::error_code ignored;
  fs::remove(part, ignored);
  return Failure(cannot(file, error));
}

void UrlDocuments::tidy(const std::set<std::string>& in_use) const {
  std::error_code error;
  const auto now = fs::file_time_type::clock::now();
  for (fs::directory_iterator each(folder_, error), end; !error && each != end; each.increment(error)) {
    const fs::path& file = each->path();
    std::error_code ignored;  // what cannot be touched or removed is tried again the next time
    if (in_use.contains(file.filename().string())) {
      if (now - fs::last_write_time(file, ignored) > kUnused / 7) fs::last_write_time(file, now, ignored);
    } else if (const auto used = fs::last_write_time(file, ignored); !ignored && now - used > kUnused) {
      fs::remove(file, ignored);
    }
  }
}

}  // namespace plumb::app

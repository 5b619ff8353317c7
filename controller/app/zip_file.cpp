#include "controller/app/zip_file.h"

#include <sys/stat.h>

#include <memory>

#include <zip.h>

namespace plumb::app {
namespace {

struct Discard {
  void operator()(zip_t* archive) const { zip_discard(archive); }
};

Error zip_error(const std::filesystem::path& file, std::string_view why) {
  return {Fault::unavailable, fmt::format("{} cannot be written: {}", file.string(), why)};
}

}  // namespace

// libzip reads the files when it closes the archive.
Result<void> write_zip(const std::filesystem::path& to, const std::vector<ZipFile>& files) {
  int code = 0;
  std::unique_ptr<zip_t, Discard> archive(zip_open(to.c_str(), ZIP_CREATE | ZIP_EXCL, &code));
  if (archive == nullptr) {
    zip_error_t error;
    zip_error_init_with_code(&error, code);
    const std::string why = zip_error_strerror(&error);
    zip_error_fini(&error);
    return tl::unexpected(zip_error(to, why));
  }
  for (const ZipFile& file : files) {
    zip_source_t* const source = zip_source_buffer(archive.get(), file.content.data(), file.content.size(), 0);
    if (source == nullptr || zip_file_add(archive.get(), file.name.c_str(), source, ZIP_FL_ENC_UTF_8) < 0) {
      if (source != nullptr) zip_source_free(source);
      return tl::unexpected(zip_error(to, zip_strerror(archive.get())));
    }
  }
  const mode_t before = ::umask(0077);
  const bool closed = zip_close(archive.get()) == 0;
  ::umask(before);
  if (!closed) return tl::unexpected(zip_error(to, zip_strerror(archive.get())));
  std::ignore = archive.release();  // closed
  return {};
}

}  // namespace plumb::app

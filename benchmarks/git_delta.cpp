// What one changed file costs among many: git_delta [FILES] makes a repository with so many manifests, a hundred a
// directory, reads it whole, then twenty times commits a change of one file and reads that. Over file://, fetch
// included.
#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>

#include "controller/adapters/git/git_source.h"
#include "controller/adapters/git/library.h"
#include "controller/adapters/git/tree.h"
#include "controller/adapters/secrets/secret_store.h"

namespace {

namespace fs = std::filesystem;

void run(const std::string& command) {
  if (std::system(command.c_str()) != 0) throw std::runtime_error(command);
}

std::string path_of(int i) { return fmt::format("d{:04}/user{:06}.yaml", i / 100, i); }
std::string text_of(int i, int version) {
  return fmt::format(
      "apiVersion: plumbline.dev/v1alpha1\nkind: ADUser\nmetadata: {{name: user{}}}\nspec:\n  sAMAccountName: user{}\n"
      "  parentDN: OU=People,DC=corp,DC=example\n  title: Engineer {}\n",
      i, i, version);
}

// One commit of the files [begin, end) by git fast-import.
void commit(const fs::path& base, int begin, int end, int version, bool first) {
  std::ofstream out(base / "stream", std::ios::binary);
  out << "commit refs/heads/main\ncommitter Bench <b@x> " << 1'700'000'000 + version << " +0000\ndata 1\nx\n";
  if (!first) out << "from refs/heads/main^0\n";
  for (int i = begin; i < end; ++i) {
    const std::string text = text_of(i, version);
    out << "M 100644 inline " << path_of(i) << "\ndata " << text.size() << "\n" << text << "\n";
  }
  out << "done\n";
  out.close();
  run(fmt::format("git -C {0}/remote.git fast-import --quiet --done < {0}/stream", base.string()));
}

double milliseconds(std::chrono::steady_clock::duration span) {
  return std::chrono::duration<double, std::milli>(span).count();
}

template <class F>
double timed(F&& what) {
  const auto begin = std::chrono::steady_clock::now();
  what();
  return milliseconds(std::chrono::steady_clock::now() - begin);
}

plumb::TreeDelta must(plumb::Result<plumb::TreeDelta> delta) {
  if (!delta) throw std::runtime_error(delta.error().message);
  return std::move(*delta);
}

fs::path store_below(const fs::path& state) { return fs::directory_iterator(state / "git")->path() / "objects.git"; }

// The comparison alone, in a store that was opened anew.
double walk(const fs::path& store, const std::string& from, const std::string& to) {
  using namespace plumb::git;
  git_repository* opened = nullptr;
  git_repository_open_bare(&opened, store.c_str());
  const RepositoryHandle repository(opened);
  auto before = find_commit(opened, *parse_id(from)), after = find_commit(opened, *parse_id(to));
  Unreadable unreadable;
  std::size_t changed = 0;
  const double span = timed([&] {
    changed = must(compare_trees(opened, before->get(), after->get(), "", {}, unreadable, plumb::Deadline::never()))
                  .changed.size();
  });
  if (changed != 1) throw std::runtime_error("not one file");
  return span;
}

}  // namespace

int main(int argc, char** argv) {
  using namespace plumb;
  const int files = argc > 1 ? std::atoi(argv[1]) : 100'000;
  std::string name = (fs::temp_directory_path() / "plumb-git-bench-XXXXXX").string();
  const fs::path base = ::mkdtemp(name.data());
  run("git init -q --bare -b main " + (base / "remote.git").string());
  commit(base, 0, files, 0, true);

  const auto secrets = secrets::make_secret_store();
  git::Settings settings;
  settings.url = "file://" + (base / "remote.git").string();
  settings.key = {"GitRepository", "default", "bench"};
  settings.timeout = std::chrono::minutes(10);
  auto source = git::GitSource::open(settings, {base / "state"}, *secrets);
  if (!source) throw std::runtime_error(source.error().message);

  TreeDelta delta;
  std::cout << "first read, fetched: " << timed([&] { delta = must((*source)->read("", Deadline::never())); })
            << " ms, " << delta.changed.size() << " files\n";
  std::cout << "whole read, nothing to fetch: "
            << timed([&] { std::ignore = must((*source)->read("", Deadline::never())); }) << " ms\n";
  std::vector<double> heads, nothing, one, walks;
  for (int i = 1; i <= 20; ++i) {
    heads.push_back(timed([&] { std::ignore = (*source)->head(Deadline::never()); }));
    nothing.push_back(timed([&] { delta = must((*source)->read(delta.revision, Deadline::never())); }));
    const std::string before = delta.revision;
    commit(base, i * 7 % files, i * 7 % files + 1, i, false);
    one.push_back(timed([&] { delta = must((*source)->read(delta.revision, Deadline::never())); }));
    if (delta.changed.size() != 1) throw std::runtime_error("not one file");
    walks.push_back(walk(store_below(base / "state"), before, delta.revision));
  }
  const auto print = [](const char* what, std::vector<double>& all) {
    std::sort(all.begin(), all.end());
    std::cout << what << ": p50 " << all[all.size() / 2] << " ms, max " << all.back() << " ms\n";
  };
  print("head", heads);
  print("read, no change", nothing);
  print("read, one file changed, fetched", one);
  print("of it the walk of the two trees", walks);
  fs::remove_all(base);
}

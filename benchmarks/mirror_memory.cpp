// What a mirrored user costs: memory at rest, time to decode, to save and to restore with SQLite.
//   mirror_memory [USERS] [DIRECTORY FOR THE DATABASE]
#include <malloc.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <fmt/format.h>

#include "controller/adapters/sqlite/sqlite_store.h"
#include "controller/model/live.h"

namespace {

using namespace plumb;
using SteadyClock = std::chrono::steady_clock;

double since(SteadyClock::time_point start) {
  return std::chrono::duration<double>(SteadyClock::now() - start).count();
}

std::string guid(unsigned n) { return fmt::format("{:08x}-1234-4abc-9def-{:012x}", n * 2654435761U, n); }
std::string unit_dn(unsigned n) { return fmt::format("OU=Department {:03},OU=People,DC=ad,DC=example,DC=com", n); }
std::string user_dn(unsigned n) { return fmt::format("CN=Firstname{0} Lastname{0},{1}", n, unit_dn(n / 1000)); }

LiveObject user(unsigned n) {
  LiveObject made;
  made.kind = "ADUser";
  made.id = guid(n);
  made.handle = user_dn(n);
  made.version = std::to_string(4000 + n);
  const std::string account = fmt::format("flast{}", n), principal = account + "@ad.example.com";
  made.identities = {{"distinguishedName", made.handle}, {"sAMAccountName", account}, {"userPrincipalName", principal}};
  made.attributes = {
      {"objectClass", {{"top", "person", "organizationalPerson", "user"}}},
      {"sAMAccountName", {{account}}},
      {"userPrincipalName", {{principal}}},
      {"objectSid", {{fmt::format("S-1-5-21-3623811015-3361044348-30300820-{}", 1100 + n)}}},
      {"userAccountControl", {{"512"}}},
      {"primaryGroupID", {{"513"}}},
      {"adminDescription", {{fmt::format("plumbline:{}:op-{:010}", guid(7), n)}}},
      {"givenName", {{fmt::format("Firstname{}", n)}}},
      {"sn", {{fmt::format("Lastname{}", n)}}},
      {"displayName", {{fmt::format("Firstname{0} Lastname{0}", n)}}},
      {"mail", {{principal}}},
      {"title", {{"Senior Engineer"}}},
      {"manager", {{user_dn(n / 1000 * 1000)}}},
  };
  for (const char* name : {"adminCount", "isCriticalSystemObject", "department", "telephoneNumber"})
    made.attributes[name] = {{}, Reading::empty};
  return made;
}

LiveObject unit(unsigned n) {
  LiveObject made;
  made.kind = "OrganizationalUnit";
  made.id = guid(1000000 + n);
  made.handle = unit_dn(n);
  made.identities = {{"distinguishedName", made.handle}};
  made.attributes = {{"objectClass", {{"top", "organizationalUnit"}}}};
  return made;
}

// Every user is in ten of them.
LiveObject group(unsigned n, unsigned users) {
  LiveObject made;
  made.kind = "ADGroup";
  made.id = guid(2000000 + n);
  made.handle = fmt::format("CN=group{},OU=People,DC=ad,DC=example,DC=com", n);
  made.identities = {{"distinguishedName", made.handle}};
  Attribute& member = made.attributes["member"];
  for (unsigned i = n * 100; i < n * 100 + 1000; ++i) member.values.push_back(user_dn(i % users));
  return made;
}

std::size_t data_of(const LiveObject& object) {
  std::size_t bytes = object.id.size() + object.handle.size();
  for (const auto& [name, attribute] : object.attributes)
    for (const std::string& value : attribute.values) bytes += value.size();
  return bytes;
}

double resident_mb() {
  std::ifstream status("/proc/self/statm");
  std::size_t total = 0, resident = 0;
  status >> total >> resident;
  return static_cast<double>(resident) * static_cast<double>(sysconf(_SC_PAGESIZE)) / 1e6;
}

// Large blocks, which the heap does not hold itself, included.
std::size_t heap_in_use() {
  const auto info = mallinfo2();
  return info.uordblks + info.hblkhd;
}

LiveSet build(unsigned users) {
  LiveSet set;
  std::vector<LiveObject> chunk;
  for (unsigned n = 0; n <= users / 1000; ++n) chunk.push_back(unit(n));
  set.update(chunk);
  for (unsigned n = 0; n < users;) {
    chunk.clear();
    for (; chunk.size() < 1000 && n < users; ++n) chunk.push_back(user(n));
    set.update(chunk);
  }
  return set;
}

int run(unsigned users, const std::filesystem::path& directory) {
  const std::size_t before = heap_in_use();
  const double resident_before = resident_mb();
  auto start = SteadyClock::now();
  LiveSet set = build(users);
  const double built = since(start);
  malloc_trim(0);
  const double per_user = static_cast<double>(heap_in_use() - before) / users;
  fmt::print("users                        {}\n", users);
  fmt::print("data of one, as text         {} bytes\n", data_of(user(users / 2)));
  fmt::print("memory of one, indexes incl. {:.0f} bytes (heap in use), {:.0f} by its own count\n", per_user,
             static_cast<double>(set.bytes()) / users);
  fmt::print("resident                     {:.1f} MB more\n", resident_mb() - resident_before);
  fmt::print("take in                      {:.2f} s\n", built);
  start = SteadyClock::now();
  for (unsigned n = 0; n < users / 100; ++n) set.add(group(n, users));
  fmt::print("groups, 10 of each user      {:.0f} bytes a user more, {:.2f} s\n",
             static_cast<double>(heap_in_use() - before) / users - per_user, since(start));

  start = SteadyClock::now();
  std::size_t seen = 0;
  set.for_each([&](const LiveSet::View& each) { seen += each.object().attributes.size(); });
  fmt::print("decode all                   {:.2f} s ({} attributes)\n", since(start), seen);
  set.release_decoded();

  LiveObject moved = unit(0);
  moved.handle = "OU=Moved,OU=People,DC=ad,DC=example,DC=com";
  start = SteadyClock::now();
  set.add(moved);
  fmt::print("move an OU of 1000           {:.3f} ms\n", since(start) * 1000);

  const auto path = directory / "mirror_memory.db";
  std::filesystem::remove(path);
  auto store = sqlite::open_store(path);
  if (!store) return fmt::print("{}\n", store.error().message), 1;
  start = SteadyClock::now();
  std::vector<StateStore::Put> puts;
  for (auto& record : set.unkept()) puts.push_back({fmt::format("mirror/x/{:08x}", record.number), record.bytes});
  if (const auto written = (*store)->commit(puts); !written) return fmt::print("{}\n", written.error().message), 1;
  set.kept();
  fmt::print("save all                     {:.2f} s, {:.1f} MB on disk\n", since(start),
             static_cast<double>(std::filesystem::file_size(path)) / 1e6);
  start = SteadyClock::now();
  auto items = (*store)->list("mirror/x/");
  if (!items) return fmt::print("{}\n", items.error().message), 1;
  const double listed = since(start);
  std::vector<LiveSet::Record> records;
  for (auto& item : *items)
    records.push_back(LiveSet::Record{static_cast<std::uint32_t>(std::stoul(item.key.substr(9), nullptr, 16)),
                                      std::move(item.value)});
  const auto restored = LiveSet::from_kept(set.texts(), set.numbers(), records);
  if (!restored) return fmt::print("{}\n", restored.error().message), 1;
  fmt::print("restore                      {:.2f} s, of that {:.2f} s in SQLite; {} objects\n", since(start), listed,
             restored->size());
  std::filesystem::remove(path);
  return restored->size() == set.size() ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  const unsigned users = argc > 1 ? static_cast<unsigned>(std::strtoul(argv[1], nullptr, 10)) : 100000;
  char fresh[] = "/tmp/mirror_memory.XXXXXX";  // the store wants a directory of its own
  const std::filesystem::path directory = argc > 2 ? argv[2] : mkdtemp(fresh);
  const int result = run(users, directory);
  if (argc <= 2) std::filesystem::remove_all(directory);
  return result;
}

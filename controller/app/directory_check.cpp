#include "controller/app/directory_check.h"

#include <algorithm>
#include <chrono>
#include <functional>
#include <map>

#include "controller/base/digest.h"
#include "controller/base/text.h"

namespace plumb::app {
namespace {

using Op = Modification::Op;
using Said = Result<std::string>;

// A normal account that is disabled, and one that is not (MS-ADTS 2.2.16).
constexpr std::string_view kDisabled = "514", kEnabled = "512";

class Trying {
 public:
  Trying(Directory& directory, const Clock& clock, Duration limit)
      : directory_(directory), clock_(clock), limit_(limit) {}

  // False: it failed.
  bool step(std::string name, const std::function<Said(Deadline)>& what) {
    const SteadyTime begun = clock_.steady();
    const Said said = what(Deadline::in(clock_, limit_));
    all_.push_back({std::move(name), said.has_value(), std::chrono::duration_cast<Duration>(clock_.steady() - begun),
                    said ? *said : said.error().message});
    return said.has_value();
  }
  bool write(std::string name, DirectoryWrite write, const std::string& text) {
    return step(std::move(name), [&](Deadline deadline) -> Said {
      PLUMB_TRY(const std::string id, done(write, deadline));
      return text;
    });
  }
  Said done(const DirectoryWrite& write, Deadline deadline) {
    Directory::Answers answers = directory_.write({&write, 1}, deadline);
    if (answers.size() != 1) return fail(Fault::internal, "there is no answer");
    return std::move(answers.front());
  }
  Directory& directory() { return directory_; }
  std::vector<DirectoryTried> take() { return std::move(all_); }

 private:
  Directory& directory_;
  const Clock& clock_;
  const Duration limit_;
  std::vector<DirectoryTried> all_;
};

Modification set(Op op, std::string attribute, std::string_view value) {
  return {.op = op, .attribute = std::move(attribute), .values = {std::string(value)}, .secret = {}};
}

DirectoryWrite change(const std::string& id, const std::string& dn, std::vector<Modification> changes) {
  return {.kind = DirectoryWrite::Kind::modify, .id = id, .dn = dn, .changes = std::move(changes)};
}

// By id: name and version, which every change of an object raises.
using Seen = std::map<std::string, std::pair<std::string, std::string>>;

Result<Seen> all_below(Directory& directory, const Dn& scratch, Deadline deadline) {
  PLUMB_TRY(const auto entries,
            directory.read_all({.bases = {scratch.text()}, .classes = {}, .attributes = {}}, deadline));
  Seen seen;
  for (const Entry& entry : *entries) seen[entry.id] = {dn_key(entry.dn), entry.version};
  return seen;
}

// 20 characters at most (MS-ADTS 3.1.1.5.2.2); the second half of a password that any policy takes.
std::string account_name() { return "plumb-test-" + random_hex(4); }
Secret password() { return Secret("Aa1-" + random_hex(24)); }

DirectoryWrite creation(const std::string& dn, const std::string& name) {
  Modification classes = set(Op::add, "objectClass", "top");
  classes.values = {"top", "person", "organizationalPerson", "user"};
  return {.kind = DirectoryWrite::Kind::add,
          .dn = dn,
          .changes = {std::move(classes), set(Op::add, "sAMAccountName", name),
                      set(Op::add, "userAccountControl", kDisabled),
                      set(Op::add, "description", "A test of plumbline; it is removed at its end")}};
}

// The account is there; each change as compare-and-swap, like those of the kinds.
void try_changes(Trying& trying, const std::string& id, const std::string& dn, bool encrypted) {
  if (encrypted) {
    Modification secret{.op = Op::replace,
                        .attribute = "unicodePwd",
                        .values = {},
                        .secret = std::make_shared<const Secret>(password())};
    if (!trying.write("password", change(id, dn, {std::move(secret)}), "a random one was set")) return;
    const auto flip = [&](std::string_view from, std::string_view to) {
      return change(id, dn, {set(Op::remove, "userAccountControl", from), set(Op::add, "userAccountControl", to)});
    };
    if (!trying.write("enable", flip(kDisabled, kEnabled), "userAccountControl is 512")) return;
    if (!trying.write("update", change(id, dn, {set(Op::replace, "displayName", "Plumbline Test")}),
                      "displayName was set"))
      return;
    trying.write("disable", flip(kEnabled, kDisabled), "userAccountControl is 514");
    return;
  }
  trying.write("update", change(id, dn, {set(Op::replace, "displayName", "Plumbline Test")}),
               "displayName was set; without encryption there is no password, and so no enabling");
}

}  // namespace

Value described(const DirectoryTried& tried) {
  return Object{{"step", tried.step},
                {"outcome", tried.good ? "pass" : "fail"},
                {"milliseconds", tried.took.count()},
                {"text", tried.text}};
}

std::vector<DirectoryTried> try_reading(Directory& directory, const std::vector<Dn>& bases, const Clock& clock,
                                        Duration limit) {
  Trying trying(directory, clock, limit);
  const bool bound = trying.step("bind", [&](Deadline deadline) -> Said {
    PLUMB_TRY(const Directory::About about, directory.about(deadline));
    return fmt::format("{} as {}, {}; the domain is {}", about.server,
                       about.bound_as_dn.empty() ? "(not told)" : about.bound_as_dn,
                       about.encrypted ? "encrypted" : "not encrypted", about.domain_dn);
  });
  if (!bound) return trying.take();
  for (const Dn& base : bases) {
    const bool there = trying.step("search", [&](Deadline deadline) -> Said {
      const std::vector<std::string> names = {base.text()}, attributes = {"objectClass"};
      PLUMB_TRY(const auto found, directory.find("distinguishedName", names, attributes, deadline));
      if (found.empty()) return fail(Fault::not_found, "there is no {}, or the account may not read it", base.text());
      return base.text();
    });
    if (!there) break;
  }
  return trying.take();
}

std::vector<DirectoryTried> try_writing(Directory& directory, const Dn& scratch, const Clock& clock, Duration limit) {
  Trying trying(directory, clock, limit);
  Seen before;
  bool encrypted = false;
  const bool begun = trying.step("look", [&](Deadline deadline) -> Said {
    PLUMB_TRY(const Directory::About about, directory.about(deadline));
    encrypted = about.encrypted;
    PLUMB_TRY(before, all_below(directory, scratch, deadline));
    return fmt::format("{} objects in {}", before.size(), scratch.text());
  });
  if (!begun) return trying.take();
  const std::string name = account_name(), dn = scratch.child("CN", name).text();
  std::string id;
  const bool created = trying.step("create", [&](Deadline deadline) -> Said {
    PLUMB_TRY(id, trying.done(creation(dn, name), deadline));
    return dn;
  });
  // Not told, or not known whether it was done: then it may be there.
  if (id.empty()) {
    trying.step("find", [&](Deadline deadline) -> Said {
      const std::vector<std::string> names = {name}, attributes = {"sAMAccountName"};
      PLUMB_TRY(const auto found, directory.find("sAMAccountName", names, attributes, deadline));
      if (found.size() == 1) id = found.front().id;
      if (created && id.empty()) return fail(Fault::not_found, "{} cannot be found again", dn);
      return id.empty() ? "it was not created" : id;
    });
  }
  if (!id.empty()) {
    if (created) try_changes(trying, id, dn, encrypted);
    trying.write("remove", {.kind = DirectoryWrite::Kind::remove, .id = id, .dn = dn}, dn);
  }
  trying.step("compare", [&](Deadline deadline) -> Said {
    PLUMB_TRY(const Seen after, all_below(directory, scratch, deadline));
    if (after == before) return fmt::format("{} is as it was", scratch.text());
    return fail(Fault::conflict, "{} is not as it was: look for {}; others may have changed something meanwhile",
                scratch.text(), dn);
  });
  return trying.take();
}

}  // namespace plumb::app

#include "reconcilers/directory_writes.h"

#include <algorithm>

#include "controller/base/text.h"
#include "controller/model/dn.h"
#include "reconcilers/attributes.h"

namespace plumb {
namespace {

using Op = Modification::Op;

std::vector<std::string> object_classes(std::string_view kind) {
  if (kind == "ADUser") return {"top", "person", "organizationalPerson", "user"};
  if (kind == "ADGroup") return {"top", "group"};
  return {"top", "organizationalUnit"};
}

// A link is written by the id of its object where that is known: names may have moved on.
std::string written(const FieldChange& field, const std::string& value) {
  if (!field.link) return value;
  const LinkText link = parse_link(value);
  return link.id.empty() ? link.dn : fmt::format("<GUID={}>", link.id);
}

std::vector<std::string> written(const FieldChange& field, const std::vector<std::string>& values) {
  std::vector<std::string> texts;
  texts.reserve(values.size());
  for (const std::string& value : values) texts.push_back(written(field, value));
  return texts;
}

// Modifications in parts, of which each is one write.
class Parts {
 public:
  void add(Modification modification) {
    if (modification.values.size() <= kValuesPerWrite) return first_.push_back(std::move(modification));
    const auto begin = modification.values.begin();
    const std::size_t count = modification.values.size();
    for (std::size_t at = 0; at < count; at += kValuesPerWrite) {
      const auto from = begin + static_cast<std::ptrdiff_t>(at);
      const auto to = begin + static_cast<std::ptrdiff_t>(std::min(count, at + kValuesPerWrite));
      Modification part{.op = modification.op, .attribute = modification.attribute, .values = {from, to}, .secret = {}};
      if (at == 0) {
        first_.push_back(std::move(part));
      } else {
        later_.push_back(std::move(part));
      }
    }
  }
  std::vector<Modification>& first() { return first_; }
  std::vector<Modification>& later() { return later_; }

 private:
  std::vector<Modification> first_, later_;
};

Result<Modification> password(const FieldChange& field, Op op, const WriteContext& context, SecretStore& secrets) {
  if (!context.encrypted)
    return fail(Fault::denied, "the connection is not encrypted: a password is never sent over it");
  if (field.added.size() != 1) return fail(Fault::internal, "a password needs one reference");
  PLUMB_TRY(Secret secret, secrets.fetch(field.added.front()));
  return Modification{
      .op = op, .attribute = field.name, .values = {}, .secret = std::make_shared<const Secret>(std::move(secret))};
}

bool is_password(const FieldChange& field) { return equals_ignoring_case(field.name, "unicodePwd"); }

// A link to the new object itself can only be made once that is there.
void add_to_new(const FieldChange& field, const std::string& own_name, Parts& parts) {
  std::vector<std::string> now, afterwards;
  for (const std::string& value : field.added)
    (field.link && dn_key(parse_link(value).dn) == own_name ? afterwards : now).push_back(written(field, value));
  if (!now.empty()) parts.add({Op::add, field.name, std::move(now), {}});
  if (!afterwards.empty()) parts.later().push_back({Op::add, field.name, std::move(afterwards), {}});
}

// `own_name`: key of the name of an object that is to be created; else empty.
Result<void> add_field(const FieldChange& field, const std::string& own_name, const WriteContext& context,
                       SecretStore& secrets, Parts& parts) {
  const bool creating = !own_name.empty();
  if (equals_ignoring_case(field.name, kMarkerAttribute) || equals_ignoring_case(field.name, "objectClass"))
    return fail(Fault::denied, "{} is never written", field.name);
  if (is_password(field)) {
    PLUMB_TRY(Modification secret, password(field, creating ? Op::add : Op::replace, context, secrets));
    parts.add(std::move(secret));
    return {};
  }
  if (creating) {
    add_to_new(field, own_name, parts);
    return {};
  }
  if (field.blind) {
    parts.add({Op::replace, field.name, written(field, field.added), {}});
    return {};
  }
  // Old values out before new ones in: a single-valued attribute holds no two at a time.
  if (!field.removed.empty()) parts.add({Op::remove, field.name, written(field, field.removed), {}});
  if (!field.added.empty()) parts.add({Op::add, field.name, written(field, field.added), {}});
  return {};
}

DirectoryWrite add_write(const Change& change, const WriteContext& context, std::vector<Modification> fields) {
  DirectoryWrite write{.kind = DirectoryWrite::Kind::add, .dn = change.handle};
  write.changes.push_back({Op::add, "objectClass", object_classes(change.key.kind), {}});
  // In the same write as the object: whoever finds it after a crash knows whose it is.
  write.changes.push_back({Op::add, std::string(kMarkerAttribute), {context.marker}, {}});
  std::move(fields.begin(), fields.end(), std::back_inserter(write.changes));
  return write;
}

Result<DirectoryWrite> move_write(const Change& change, const std::string& id, const std::string& dn) {
  PLUMB_TRY(const Dn before, Dn::parse(dn));
  PLUMB_TRY(const Dn after, Dn::parse(change.handle_after));
  if (after.empty()) return fail(Fault::internal, "{}: a move needs a name to move to", change.key);
  DirectoryWrite write{.kind = DirectoryWrite::Kind::move, .id = id, .dn = dn};
  write.new_rdn = rdn_text(after.leaf().attribute, after.leaf().value);
  if (after.parent().key() != before.parent().key()) write.new_parent = after.parent().text();
  return write;
}

}  // namespace

Result<std::vector<DirectoryWrite>> writes_for(const Change& change, const std::string& id, const std::string& dn,
                                               const WriteContext& context, SecretStore& secrets) {
  std::vector<DirectoryWrite> writes;
  if (change.does(Action::remove)) {
    writes.push_back({.kind = DirectoryWrite::Kind::remove, .id = id, .dn = dn});
    return writes;
  }
  const bool creating = change.does(Action::create);
  const std::string own_name = creating ? dn_key(change.handle) : "";
  Parts parts;
  // The password first: setting it moves pwdLastSet, which another field may ask to be 0.
  for (const bool password_turn : {true, false})
    for (const FieldChange& field : change.fields)
      if (is_password(field) == password_turn) PLUMB_CHECK(add_field(field, own_name, context, secrets, parts));
  if (creating) {
    writes.push_back(add_write(change, context, std::move(parts.first())));
  } else if (!parts.first().empty()) {
    writes.push_back({.kind = DirectoryWrite::Kind::modify, .id = id, .dn = dn, .changes = std::move(parts.first())});
  }
  const std::string& place = creating ? change.handle : dn;
  for (Modification& part : parts.later())
    writes.push_back({.kind = DirectoryWrite::Kind::modify, .id = id, .dn = place, .changes = {std::move(part)}});
  if (change.does(Action::move)) {
    PLUMB_TRY(DirectoryWrite move, move_write(change, id, dn));
    writes.push_back(std::move(move));
  }
  return writes;
}

}  // namespace plumb

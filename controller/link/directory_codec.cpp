#include "controller/link/directory_codec.h"

#include <utility>

#include "controller/base/text.h"
#include "controller/link/frame.h"

namespace plumb::link {
namespace {

constexpr std::size_t kLargestEntry = 64U << 20U;

template <class E>
E enumerator(Reader& in, E last) {
  const std::uint8_t value = in.u8();
  if (value > static_cast<std::uint8_t>(last)) in.spoil();
  return in.good() ? static_cast<E>(value) : E{};
}

template <class E>
void put_enumerator(Writer& out, E value) {
  out.u8(static_cast<std::uint8_t>(value));
}

void put_duration(Writer& out, Duration value) { out.u64(static_cast<std::uint64_t>(value.count())); }
Duration get_duration(Reader& in) {
  const std::uint64_t value = in.u64();
  if (value > 1ULL << 40U) in.spoil();
  return in.good() ? Duration(static_cast<Duration::rep>(value)) : Duration{};
}

void put(Writer& out, const Modification& change) {
  put_enumerator(out, change.op);
  out.text(change.attribute).texts(change.values).flag(change.secret != nullptr);
  if (change.secret != nullptr) out.text(change.secret->reveal());
}

Modification get_modification(Reader& in) {
  Modification change;
  change.op = enumerator(in, Modification::Op::replace);
  change.attribute = in.string();
  change.values = in.texts();
  if (in.flag()) change.secret = std::make_shared<const Secret>(in.string());
  return change;
}

}  // namespace

std::string encode(const DirectoryOpening& opening) {
  Writer out;
  out.texts(opening.servers);
  put_enumerator(out, opening.tls);
  out.text(opening.ca_file).text(opening.server_name);
  put_enumerator(out, opening.bind);
  out.text(opening.username).text(opening.password_from).flag(opening.password != nullptr);
  if (opening.password != nullptr) out.text(opening.password->reveal());
  out.text(opening.principal).text(opening.keytab_file).text(opening.krb5_config_file).text(opening.base_dn);
  put_duration(out, opening.connect_timeout);
  put_duration(out, opening.operation_timeout);
  put_duration(out, opening.read_timeout);
  out.u32(static_cast<std::uint32_t>(opening.page_size)).u32(static_cast<std::uint32_t>(opening.writes_in_flight));
  return out.take();
}

Result<DirectoryOpening> decode_opening(std::string_view payload) {
  Reader in(payload);
  DirectoryOpening opening;
  opening.servers = in.texts();
  opening.tls = enumerator(in, DirectoryOpening::Tls::none);
  opening.ca_file = in.string();
  opening.server_name = in.string();
  opening.bind = enumerator(in, DirectoryOpening::Bind::gssapi);
  opening.username = in.string();
  opening.password_from = in.string();
  if (in.flag()) opening.password = std::make_shared<const Secret>(in.string());
  opening.principal = in.string();
  opening.keytab_file = in.string();
  opening.krb5_config_file = in.string();
  opening.base_dn = in.string();
  opening.connect_timeout = get_duration(in);
  opening.operation_timeout = get_duration(in);
  opening.read_timeout = get_duration(in);
  const std::uint32_t page = in.u32(), window = in.u32();
  if (!in.at_end() || page == 0 || page > 100'000 || window == 0 || window > 10'000)
    return fail(Fault::invalid, "the settings of a directory cannot be read");
  opening.page_size = static_cast<int>(page);
  opening.writes_in_flight = window;
  return opening;
}

std::string encode_handle(std::uint32_t handle) { return Writer().u32(handle).take(); }

void put(Writer& out, const ReadScope& scope) { out.texts(scope.bases).texts(scope.classes).texts(scope.attributes); }

ReadScope get_scope(Reader& in) {
  ReadScope scope;
  scope.bases = in.texts();
  scope.classes = in.texts();
  scope.attributes = in.texts();
  return scope;
}

void put(Writer& out, const Entry& entry) {
  out.text(entry.id).text(entry.dn).text(entry.version).u32(static_cast<std::uint32_t>(entry.attributes.size()));
  for (const auto& [name, attribute] : entry.attributes) {
    out.text(name);
    put_enumerator(out, attribute.reading);
    out.texts(attribute.values);
  }
}

Entry get_entry(Reader& in) {
  Entry entry;
  entry.id = in.string();
  entry.dn = in.string();
  entry.version = in.string();
  const std::size_t count = in.count(9);
  entry.attributes.reserve(count);
  for (std::size_t i = 0; i < count && in.good(); ++i) {
    const std::string_view name = in.text();
    Attribute attribute;
    attribute.reading = enumerator(in, Reading::unreadable);
    attribute.values = in.texts();
    if (!entry.attributes.try_emplace(name, std::move(attribute)).second) in.spoil();
  }
  return entry;
}

void put(Writer& out, std::span<const DirectoryWrite> writes) {
  out.u32(static_cast<std::uint32_t>(writes.size()));
  for (const DirectoryWrite& write : writes) {
    put_enumerator(out, write.kind);
    out.text(write.id).text(write.dn).text(write.new_rdn).text(write.new_parent);
    out.u32(static_cast<std::uint32_t>(write.changes.size()));
    for (const Modification& change : write.changes) put(out, change);
  }
}

std::vector<DirectoryWrite> get_writes(Reader& in) {
  std::vector<DirectoryWrite> writes(in.count(21));
  for (DirectoryWrite& write : writes) {
    write.kind = enumerator(in, DirectoryWrite::Kind::remove);
    write.id = in.string();
    write.dn = in.string();
    write.new_rdn = in.string();
    write.new_parent = in.string();
    write.changes.resize(in.count(10));
    for (Modification& change : write.changes) change = get_modification(in);
    if (!in.good()) return {};
  }
  return writes;
}

void put(Writer& out, const Error& error) { out.text(encode_error(error)); }
Error get_error(Reader& in) { return decode_error(in.text()); }

void put(Writer& out, const Directory::Answers& answers) {
  out.u32(static_cast<std::uint32_t>(answers.size()));
  for (const auto& answer : answers) {
    out.flag(answer.has_value());
    if (answer) {
      out.text(*answer);
    } else {
      put(out, answer.error());
    }
  }
}

Directory::Answers get_answers(Reader& in) {
  Directory::Answers answers;
  const std::size_t count = in.count(5);
  for (std::size_t i = 0; i < count && in.good(); ++i) {
    if (in.flag()) {
      answers.emplace_back(in.string());
    } else {
      answers.emplace_back(tl::unexpected(get_error(in)));
    }
  }
  return answers;
}

void put(Writer& out, const std::vector<AttributeHistory>& history) {
  out.u32(static_cast<std::uint32_t>(history.size()));
  for (const AttributeHistory& each : history)
    out.text(each.attribute)
        .text(each.value)
        .flag(each.removed)
        .u64(each.version)
        .u64(static_cast<std::uint64_t>(each.changed.time_since_epoch().count()))
        .text(each.server);
}

std::vector<AttributeHistory> get_history(Reader& in) {
  std::vector<AttributeHistory> history(in.count(29));
  for (AttributeHistory& each : history) {
    each.attribute = in.string();
    each.value = in.string();
    each.removed = in.flag();
    each.version = in.u64();
    each.changed = SystemTime(Duration(static_cast<Duration::rep>(in.u64())));
    each.server = in.string();
  }
  return history;
}

void put(Writer& out, const Directory::About& about) {
  out.text(about.server)
      .text(about.domain_dn)
      .text(about.domain_sid)
      .text(about.bound_as_id)
      .text(about.bound_as_dn)
      .flag(about.encrypted)
      .text(about.server_id)
      .flag(about.sees_deletions);
}

Directory::About get_about(Reader& in) {
  Directory::About about;
  about.server = in.string();
  about.domain_dn = in.string();
  about.domain_sid = in.string();
  about.bound_as_id = in.string();
  about.bound_as_dn = in.string();
  about.encrypted = in.flag();
  about.server_id = in.string();
  about.sees_deletions = in.flag();
  return about;
}

void append_entry(std::string& stream, const Entry& entry) {
  Writer out;
  put(out, entry);
  stream += Writer().text(out.out()).take();
}

Result<void> EntryStream::add(std::string_view bytes, std::vector<Entry>& to) {
  rest_ += bytes;
  bytes = rest_;
  while (bytes.size() >= 4) {
    const std::size_t size = Reader(bytes).u32();
    if (size > kLargestEntry) return fail(Fault::invalid, "an entry of {} bytes", size);
    if (bytes.size() < 4 + size) break;
    Reader in(bytes.substr(4, size));
    Entry entry = get_entry(in);
    if (!in.at_end()) return fail(Fault::invalid, "an entry that cannot be read");
    to.push_back(std::move(entry));
    bytes.remove_prefix(4 + size);
  }
  rest_.erase(0, rest_.size() - bytes.size());
  return {};
}

}  // namespace plumb::link

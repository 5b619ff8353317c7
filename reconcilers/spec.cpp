#include "reconcilers/spec.h"

#include <algorithm>
#include <charconv>

#include "controller/base/digest.h"
#include "controller/base/text.h"
#include "reconcilers/attributes.h"
#include "reconcilers/reconcilers.h"

namespace plumb::spec {
namespace {

constexpr std::string_view kPinned = "plumbline.dev/object-guid";
constexpr std::string_view kPaused = "plumbline.dev/paused";
constexpr std::string_view kDrift = "plumbline.dev/drift";

Result<void> read_span(const Value& spec, const std::string& pointer, Duration& span) {
  const auto text = text_at(spec, pointer);
  if (!text) return {};
  auto parsed = parse_duration(*text);
  if (!parsed) return in_context("/spec" + pointer, std::move(parsed).error());
  span = *parsed;
  return {};
}

bool is_guid(std::string_view text) {
  if (text.size() != 36) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    if (dash ? text[i] != '-' : std::string_view("0123456789abcdef").find(text[i]) == std::string_view::npos)
      return false;
  }
  return true;
}

std::size_t characters(std::string_view utf8) {
  return static_cast<std::size_t>(
      std::count_if(utf8.begin(), utf8.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

bool has_control(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20; });
}

Result<std::vector<std::string>> texts_of(const Value& value) {
  std::vector<std::string> texts;
  const auto add = [&](const Value& item) -> Result<void> {
    if (!item.is_string())
      return fail(Fault::invalid, "must be a text or a list of texts; quote numbers and true or false");
    if (item.get_string().empty())
      return fail(Fault::invalid, "an attribute cannot hold an empty text; write [] to have it cleared");
    if (item.get_string().find('\0') != std::string_view::npos)
      return fail(Fault::invalid, "a value must not contain a NUL character");
    texts.emplace_back(item.get_string());
    return {};
  };
  if (!value.is_array()) {
    PLUMB_CHECK(add(value));
    return texts;
  }
  for (const Value& item : value.get_array()) PLUMB_CHECK(add(item));
  return texts;
}

Result<void> check_syntax(const AttributeRule& rule, bool known, const std::vector<std::string>& values) {
  if (known && !rule.multi_valued && values.size() > 1) return fail(Fault::invalid, "holds one value only");
  for (const std::string& value : values) {
    std::int64_t number = 0;
    const char* const end = value.data() + value.size();
    if (rule.compare == Compare::integer) {
      const auto [stop, error] = std::from_chars(value.data(), end, number);
      if (error != std::errc() || stop != end)
        return fail(Fault::invalid, "\"{}\" is not an integer", printable(value));
    }
    if (rule.compare == Compare::boolean && value != "TRUE" && value != "FALSE")
      return fail(Fault::invalid, "\"{}\" is neither \"TRUE\" nor \"FALSE\"", printable(value));
  }
  return {};
}

std::string_view to_text(Deletion::Mode mode) {
  switch (mode) {
    case Deletion::Mode::disable: return "disable";
    case Deletion::Mode::orphan: return "orphan";
    case Deletion::Mode::remove: return "remove";
  }
  return "";
}

}  // namespace

std::string dns_name(const Dn& base) {
  std::string name;
  for (const Rdn& rdn : base.rdns()) {
    if (!equals_ignoring_case(rdn.attribute, "DC")) return "";
    if (!name.empty()) name += '.';
    name += rdn.value;
  }
  return name;
}

Result<Dn> dn_at(const Value& spec, std::string_view pointer) {
  auto dn = Dn::parse(text_at(spec, pointer).value_or(""));
  if (!dn) return in_context(fmt::format("/spec{}", pointer), std::move(dn).error());
  if (dn->empty()) return fail(Fault::invalid, "/spec{}: a distinguished name is needed", pointer);
  return dn;
}

bool in_scope(const Dn& dn, std::span<const Dn> scope) {
  return std::any_of(scope.begin(), scope.end(), [&](const Dn& root) { return dn.within(root); });
}

Deletion::Mode deletion_mode(std::string_view policy) {
  if (policy == "Orphan") return Deletion::Mode::orphan;
  if (policy == "Delete") return Deletion::Mode::remove;
  return Deletion::Mode::disable;
}

Result<Deletion> deletion_at(const Value& spec, std::string_view pointer, Deletion base, std::span<const Dn> scope) {
  const std::string at(pointer);
  PLUMB_CHECK(read_span(spec, at + "/stripGroupsAfter", base.strip_after));
  PLUMB_CHECK(read_span(spec, at + "/quarantineAfter", base.quarantine_after));
  PLUMB_CHECK(read_span(spec, at + "/deleteAfter", base.remove_after));
  if (base.strip_after > base.remove_after || base.quarantine_after > base.remove_after)
    return fail(Fault::invalid, "/spec{}: stripGroupsAfter and quarantineAfter must not be later than deleteAfter ({})",
                pointer, format_duration(base.remove_after));
  if (!text_at(spec, at + "/quarantineOU")) return base;
  PLUMB_TRY(const Dn quarantine, dn_at(spec, at + "/quarantineOU"));
  if (!in_scope(quarantine, scope))
    return fail(Fault::invalid, "/spec{}/quarantineOU: {} is outside of the Directory's managedScope", pointer,
                quarantine.text());
  base.quarantine = quarantine.text();
  return base;
}

Result<Defaults> defaults_of(const Resource& directory) {
  Defaults defaults;
  defaults.directory = &directory;
  for (const std::string& text : texts_at(directory.spec, "/managedScope")) {
    PLUMB_TRY(Dn root, Dn::parse(text));
    defaults.scope.push_back(std::move(root));
  }
  defaults.upn_suffix = text_at(directory.spec, "/upnSuffix").value_or("");
  if (defaults.upn_suffix.empty()) {
    PLUMB_TRY(const Dn base, dn_at(directory.spec, "/baseDNs/0"));
    defaults.upn_suffix = dns_name(base);
  }
  if (text_at(directory.spec, "/adoption") == "Adopt") defaults.adoption = Adoption::adopt;
  defaults.deletion_policy = text_at(directory.spec, "/deletionPolicy").value_or("Disable");
  Deletion base;
  base.remove_after = std::chrono::days(30);
  base.mode = deletion_mode(defaults.deletion_policy);
  PLUMB_TRY(defaults.deletion, deletion_at(directory.spec, "/deletion", std::move(base), defaults.scope));
  return defaults;
}

namespace {

// "Alert, title=Observe": a mode for the object, and modes for attributes of it.
struct SaidDrift {
  std::optional<DriftMode> mode;
  std::map<std::string, DriftMode, IgnoreCase> attributes;
};

Result<SaidDrift> parse_drift(std::string_view text) {
  SaidDrift said;
  while (!text.empty()) {
    const std::size_t comma = text.find(',');
    std::string part(text.substr(0, comma));
    text = comma == std::string_view::npos ? "" : text.substr(comma + 1);
    std::erase(part, ' ');
    const std::size_t equals = part.find('=');
    const auto mode = parse_drift_mode(equals == std::string::npos ? part : part.substr(equals + 1));
    if (!mode)
      return fail(Fault::invalid,
                  "/metadata/annotations/{}: \"{}\" is not a mode of drift; write Enforce, Alert or Observe, or "
                  "attribute=mode, with commas between",
                  pointer_token(kDrift), printable(part));
    if (equals == std::string::npos) {
      said.mode = mode;
    } else {
      said.attributes[part.substr(0, equals)] = *mode;
    }
  }
  return said;
}

}  // namespace

Result<DriftRules> drift_rules(const Value& directory, const Resource& resource) {
  const auto mode_at = [&](const std::string& pointer) {
    return parse_drift_mode(text_at(directory, pointer).value_or(""));
  };
  DriftRules rules;
  rules.mode =
      mode_at("/drift/kinds/" + resource.key.kind).value_or(mode_at("/drift/mode").value_or(DriftMode::enforce));
  if (const Value* attributes = at(directory, "/drift/attributes"); attributes != nullptr && attributes->is_object())
    for (const auto& [name, value] : attributes->get_object())
      if (const auto mode = value.is_string() ? parse_drift_mode(std::string_view(value.get_string())) : std::nullopt)
        rules.attributes[std::string(name)] = *mode;
  const auto annotation = resource.annotations.find(std::string(kDrift));
  if (annotation == resource.annotations.end()) return rules;
  PLUMB_TRY(const SaidDrift said, parse_drift(annotation->second));
  if (said.mode) rules = {*said.mode, {}};
  for (const auto& [name, mode] : said.attributes) rules.attributes[name] = mode;
  return rules;
}

Projector::Projector(const Resource& resource, const Snapshot& snapshot, Defaults defaults)
    : resource_(resource), snapshot_(snapshot), defaults_(std::move(defaults)) {}

Result<void> Projector::common() {
  wanted.key = resource_.key;
  wanted.at = resource_.at;
  const auto adoption = text_at(spec(), "/adoption");
  wanted.adoption = !adoption ? defaults_.adoption : *adoption == "Adopt" ? Adoption::adopt : Adoption::never;
  if (const auto pinned = resource_.annotations.find(std::string(kPinned)); pinned != resource_.annotations.end()) {
    wanted.pinned_id = lower(pinned->second);
    if (!is_guid(wanted.pinned_id))
      return fail(Fault::invalid, "/metadata/annotations/{}: \"{}\" is not an objectGUID", pointer_token(kPinned),
                  printable(pinned->second));
  }
  if (const auto paused = resource_.annotations.find(std::string(kPaused));
      paused != resource_.annotations.end() && paused->second != "false")
    wanted.problem = fmt::format("paused by the annotation {}; remove it to go on", kPaused);
  PLUMB_TRY(wanted.drift, drift_rules(defaults_.directory->spec, resource_));
  return {};
}

Result<void> Projector::deletion(std::string_view default_policy) {
  PLUMB_TRY(wanted.deletion, deletion_at(spec(), "/deletion", defaults_.deletion, defaults_.scope));
  wanted.deletion.mode = deletion_mode(text_at(spec(), "/deletionPolicy").value_or(std::string(default_policy)));
  // What is only observed is left as it is when its manifest goes, too.
  if (wanted.drift.mode == DriftMode::observe) wanted.deletion.mode = Deletion::Mode::orphan;
  return {};
}

void Projector::texts(std::span<const std::pair<std::string_view, std::string_view>> fields) {
  for (const auto& [pointer, attribute] : fields)
    if (auto text = text_at(spec(), pointer)) wanted.attributes[std::string(attribute)] = {{std::move(*text)}};
}

Result<void> Projector::further_attributes(std::span<const AttributeRule> rules) {
  const Value* const members = at(spec(), "/attributes");
  if (members == nullptr || !members->is_object()) return {};
  for (const auto& [key, value] : members->get_object()) {
    const std::string name(key);
    const std::string pointer = "/spec/attributes/" + pointer_token(name);
    if (auto checked = check_attribute_name(wanted.key.kind, name); !checked)
      return in_context(pointer, std::move(checked).error());
    if (wanted.attributes.contains(name) || wanted.links.contains(name))
      return fail(Fault::invalid, "{}: given twice, in different cases of letters", pointer);
    auto values = texts_of(value);
    if (!values) return in_context(pointer, std::move(values).error());
    const AttributeRule rule = rule_for(rules, name);
    const bool known = std::any_of(rules.begin(), rules.end(),
                                   [&](const AttributeRule& each) { return equals_ignoring_case(each.name, name); });
    if (auto checked = check_syntax(rule, known, *values); !checked)
      return in_context(pointer, std::move(checked).error());
    if (rule.compare != Compare::link) {
      const Reading reading = values->empty() ? Reading::empty : Reading::present;
      wanted.attributes[name] = {std::move(*values), reading};
      continue;
    }
    WantedLinks links{.links = {}, .authoritative = true};
    for (const std::string& text : *values) {
      auto dn = Dn::parse(text);
      if (!dn) return in_context(pointer, std::move(dn).error());
      links.links.push_back({{}, dn->text()});
    }
    wanted.links[name] = std::move(links);
  }
  return {};
}

Result<Link> Projector::declared(std::string_view pointer, std::string kind, std::string name) const {
  const ResourceKey key{std::move(kind), resource_.key.ns, std::move(name)};
  const Resource* const found = snapshot_.find(key);
  if (found == nullptr)
    return fail(Fault::invalid, "/spec{}: there is no {} \"{}\" in namespace \"{}\"", pointer, key.kind, key.name,
                key.ns);
  PLUMB_TRY(const Resource* directory, directory_of(*found, snapshot_));
  if (directory != defaults_.directory)
    return fail(Fault::invalid, "/spec{}: {} \"{}\" belongs to Directory \"{}\", not to \"{}\"", pointer, key.kind,
                key.name, directory->key.name, defaults_.directory->key.name);
  return Link{key, ""};
}

Result<void> Projector::link(std::string_view pointer, std::string_view default_kind, std::string_view attribute) {
  const auto name = text_at(spec(), fmt::format("{}/name", pointer));
  if (!name) return {};
  const std::string kind = text_at(spec(), fmt::format("{}/kind", pointer)).value_or(std::string(default_kind));
  PLUMB_TRY(Link link, declared(fmt::format("{}/name", pointer), kind, *name));
  wanted.links[std::string(attribute)] = {.links = {std::move(link)}, .authoritative = true};
  return {};
}

Result<void> Projector::place(std::string_view rdn_attribute, std::string name, std::string_view parent_ref) {
  if (name.empty() || has_control(name) || name.front() == ' ' || name.back() == ' ')
    return fail(Fault::invalid,
                "/spec/name: \"{}\" cannot be the name of an object: it must not be empty, contain "
                "control characters, or begin or end with a space",
                printable(name));
  if (characters(name) > 64)
    return fail(Fault::invalid,
                "/spec/name: \"{}\" is longer than the 64 characters that a name may have; set a "
                "shorter one in /spec/name",
                printable(name));
  wanted.place = Place{std::string(rdn_attribute), std::move(name), {}};
  if (const auto parent = text_at(spec(), fmt::format("{}/name", parent_ref))) {
    PLUMB_TRY(wanted.place->parent, declared(fmt::format("{}/name", parent_ref), "OrganizationalUnit", *parent));
    return {};
  }
  PLUMB_TRY(const Dn parent, dn_at(spec(), "/parentDN"));
  const Dn self = parent.child(wanted.place->rdn_attribute, wanted.place->name);
  if (!in_scope(self, defaults_.scope))
    return fail(Fault::invalid, "/spec/parentDN: {} is outside of the managedScope of Directory \"{}\"", self.text(),
                defaults_.directory->key.name);
  wanted.place->parent.handle = parent.text();
  return {};
}

void Projector::depends_on(std::string_view text) {
  depends_ += text;
  depends_ += '\n';
}

Wanted Projector::finish() && {
  const Deletion& deletion = wanted.deletion;
  wanted.digest = sha256(fmt::format("{}\n{}\n{} {} {} {} {}\n{}", resource_.digest,
                                     wanted.adoption == Adoption::adopt ? "adopt" : "never", to_text(deletion.mode),
                                     deletion.strip_after.count(), deletion.quarantine_after.count(),
                                     deletion.remove_after.count(), deletion.quarantine, depends_));
  return std::move(wanted);
}

Result<void> check_account_name(std::string_view pointer, std::string_view name, std::size_t longest,
                                std::string_view forbidden) {
  const auto bad = [&](std::string_view why) {
    return fail(Fault::invalid, "/spec{}: \"{}\" cannot be a sAMAccountName: {}", pointer, printable(name), why);
  };
  if (name.empty()) return bad("it is empty");
  if (characters(name) > longest) return bad(fmt::format("it has more than {} characters; set a shorter one", longest));
  if (name.find_first_of(forbidden) != std::string_view::npos || has_control(name))
    return bad(fmt::format("it must not contain any of {}", forbidden));
  if (name.back() == '.') return bad("it ends in a dot");
  if (name.find_first_not_of(' ') == std::string_view::npos) return bad("it is blank");
  return {};
}

}  // namespace plumb::spec

#include "controller/runtime/platform_writer.h"

#include <algorithm>

#include <fmt/format.h>

#include "controller/base/text.h"
#include "controller/runtime/platform_shape.h"

namespace plumb::runtime {
namespace {

constexpr std::string_view kSecret = "secret.", kService = "$service.";
constexpr std::string_view kBlocks[] = {"authentication", "proxyOverride"};

Value new_service(const std::string& name, const std::string& version_id) {
  return {{"name", name},
          {"model", "@itential/adapter_" + version_id},
          {"type", "Adapter"},
          {"properties",
           {{"id", name},
            {"type", version_id},
            {"brokers", Array()},
            {"groups", Array()},
            {"properties", {{"authentication", Object()}}}}},
          {"virtual", true}};
}

std::string block_of(const std::string& path) { return path.substr(0, path.find('.')); }

// Whether a block that was left out of a request is gone after it.
bool forgot(const Value& before, const std::vector<FieldChange>& fields, const Value& after) {
  return std::ranges::any_of(kBlocks, [&](std::string_view block) {
    return find_path(*at(before, "/properties/properties"), block) != nullptr && !touches_block(fields, block) &&
           find_path(*at(after, "/properties/properties"), block) == nullptr;
  });
}

std::string shown(const std::vector<std::string>& values) {
  return values.empty() ? "not set" : fmt::format("\"{}\"", printable(join(values, "\", \"")));
}

}  // namespace

Outcome PlatformWriter::write(const Change& change, const std::string& operation, Deadline deadline) {
  const bool model = change.key.kind == "IntegrationModel";
  if (change.does(Action::create))
    return {model ? create_model(change, operation, deadline) : create_integration(change, operation, deadline)};
  if (change.does(Action::remove))
    return {model ? remove_model(change, deadline) : remove_integration(change, deadline)};
  if (change.fields.empty() && !change.does(Action::move)) return {change.id};
  return model ? update_model(change, deadline) : update_integration(change, deadline);
}

Result<void> PlatformWriter::set_secret(Value& service, const std::string& path, const std::string& noted) {
  PLUMB_TRY(const Secret secret, parts_.secrets.fetch(reference_in(noted)));
  std::string text = platform_secret(path, secret);
  Value& settings = settings_in(service);
  Value& mark = settings.as_object()[kPlatformMark];
  if (!mark.is_object()) mark = Object();
  Value& notes = mark.get_object()["secrets"];
  if (!notes.is_object()) notes = Object();
  notes.get_object()[path] = {{"ref", noted},
                              {"hmac", reader_.hash(path, text)},
                              {"tag", reader_.tag(text_at(service, "/name").value_or(""), path, noted)}};
  set_path(settings, path, Value(text));
  wipe(text);
  return {};
}

Result<void> PlatformWriter::set_field(Value& service, const FieldChange& field) {
  Value& settings = settings_in(service);
  if (field.name.starts_with(kSecret)) {
    const std::string path = field.name.substr(kSecret.size());
    if (!field.added.empty()) return set_secret(service, path, field.added.front());
    erase_path(settings, path);
    if (noted_secret(settings, path) != nullptr)
      settings.as_object()[kPlatformMark].as_object()["secrets"].as_object().erase(path);
    return {};
  }
  const bool around = field.name.starts_with(kService);
  Value& document = around ? service : settings;
  const std::string path = around ? field.name.substr(kService.size()) : field.name;
  if (block_of(path) == kPlatformMark) return fail(Fault::denied, "{} is Plumbline's own", kPlatformMark);
  if (field.added.empty()) {
    erase_path(document, path);
  } else {
    set_path(document, path, attribute_value(field.added.front()));
  }
  return {};
}

Result<void> PlatformWriter::set_fields(Value& service, const std::vector<FieldChange>& fields) {
  // First what goes away: a scheme that was one text may become an object.
  for (const bool goes : {true, false})
    for (const FieldChange& field : fields)
      if (field.added.empty() == goes) PLUMB_CHECK(set_field(service, field));
  take_remnants(service, fields);
  return {};
}

// A credential that is taken away, as disabling does, takes along what only the Platform knows beside it, such as the
// tokens of a sign-in: calls are to go without one.
void PlatformWriter::take_remnants(Value& service, const std::vector<FieldChange>& fields) const {
  const auto adds = [](const FieldChange& field) {
    return !field.added.empty() && touches_block({field}, "authentication");
  };
  if (std::ranges::any_of(fields, adds)) return;
  const std::vector<std::string> hidden = reader_.hidden_paths(service);
  for (const FieldChange& field : fields) {
    if (!field.name.starts_with(kSecret)) continue;
    const auto members = undotted(field.name.substr(kSecret.size()));
    if (members.size() != 3 || members.front() != "authentication") continue;
    const std::string scheme = dotted({members[0], members[1]}) + '.';
    std::vector<std::string> below;
    std::ranges::copy_if(hidden, std::back_inserter(below), [&](const auto& path) { return path.starts_with(scheme); });
    if (unknown(service, below) != below) continue;  // another secret that was declared stays
    for (const std::string& path : below) erase_path(settings_in(service), path);
  }
}

Result<std::string> PlatformWriter::create_integration(const Change& change, const std::string& operation,
                                                       Deadline deadline) {
  const PlatformPlace place = platform_place(change.handle);
  Value service = new_service(place.integration, place.version_id);
  Value& settings = settings_in(service);
  settings.get_object()[kPlatformMark] = {
      {"name", place.integration}, {"marker", parts_.mark(operation)}, {"secrets", Object()}};
  PLUMB_CHECK(set_fields(service, change.fields));
  auto made = client_.create_integration(service, deadline);
  overwrite(service);
  if (!made) return Failure(std::move(made).error());
  const std::string name = text_at(*made, "/name").value_or(place.integration);
  if (name == place.integration) return "integration:" + operation;
  // Under another name it would never be found again as what was declared.
  auto removed = client_.remove_integration(name, deadline);
  return fail(Fault::invalid, "{}: the Platform named it \"{}\" in place of \"{}\"; {}. Use a name that it keeps",
              change.key, printable(name), place.integration,
              removed ? std::string("it was removed again") : "removing it failed: " + removed.error().message);
}

// What of the change is not there yet. Somebody may have changed the object since it was planned.
Result<std::vector<FieldChange>> PlatformWriter::still_to_do(const Change& change, const Value& service) const {
  const std::string id = reader_.integration_id(service);
  if (id != change.id) return fail(Fault::conflict, "{}: {} was replaced by another one", change.key, change.handle);
  const auto now = reader_.attributes(service);
  std::vector<FieldChange> fields;
  for (const FieldChange& field : change.fields) {
    const auto found = now.find(field.name);
    const std::vector<std::string> values =
        found == now.end() ? std::vector<std::string>() : std::vector<std::string>{found->second};
    if (values == field.added) continue;
    if (values != field.removed)
      return fail(Fault::conflict, "{}: {} is now {}, and was {} in the plan", change.key, field.name, shown(values),
                  shown(field.removed));
    fields.push_back(field);
  }
  return fields;
}

std::vector<std::string> PlatformWriter::left_hidden(const Value& service,
                                                     const std::vector<FieldChange>& fields) const {
  std::vector<std::string> left = reader_.hidden_paths(service);
  std::erase_if(left, [&](const std::string& path) {  // asked for as an empty text
    return std::ranges::any_of(fields, [&](const auto& each) { return each.name == path && !each.added.empty(); });
  });
  return left;
}

std::vector<std::string> PlatformWriter::unknown(const Value& service, const std::vector<std::string>& paths) const {
  std::vector<std::string> found;
  for (const std::string& path : paths)
    if (reader_.trusted_note(service, path) == nullptr) found.push_back(path);
  return found;
}

Result<void> PlatformWriter::fill_hidden(Value& service, const std::vector<std::string>& paths) {
  if (const auto lost = unknown(service, paths); !lost.empty())
    return fail(Fault::denied,
                "{}: hidden by the Platform, and not noted by this installation where it came from, so that this write "
                "would wipe it; have a Credential name its source, or take it away on the Platform",
                printable(join(lost, ", ")));
  Value& settings = settings_in(service);
  for (const std::string& path : paths) {
    const Value* const note = noted_secret(settings, path);
    PLUMB_TRY(const Secret secret, parts_.secrets.fetch(reference_in(text_at(*note, "/ref").value_or(""))));
    std::string text = platform_secret(path, secret);
    // Its source may have another value since: that is what would be written, so that is what is noted.
    const std::string hash = reader_.hash(path, text);
    settings.as_object()[kPlatformMark].as_object()["secrets"].as_object()[path].as_object()["hmac"] = hash;
    set_path(settings, path, Value(text));
    wipe(text);
  }
  return {};
}

Result<void> PlatformWriter::send(const std::string& name, const Value& service, bool whole, Deadline deadline) {
  if (whole) return client_.replace_integration(name, service, deadline);
  return client_.replace_settings(name, *at(service, "/properties/properties"), deadline);
}

Result<void> PlatformWriter::send_again(const std::string& name, Value& service, bool whole,
                                        const std::vector<std::string>& hidden, Deadline deadline) {
  const std::vector<std::string> lost = unknown(service, hidden);
  std::vector<std::string> known = hidden;
  std::erase_if(known, [&](const std::string& path) { return std::ranges::find(lost, path) != lost.end(); });
  PLUMB_CHECK(fill_hidden(service, known));
  PLUMB_CHECK(send(name, service, whole, deadline));
  if (lost.empty()) return {};
  return fail(Fault::conflict, "{}: only the Platform knew it", printable(join(lost, ", ")));
}

Result<void> PlatformWriter::confirm(const Change& change, const std::vector<FieldChange>& fields,
                                     const Value& back) const {
  const auto now = reader_.attributes(back);
  for (const FieldChange& field : fields) {
    const auto found = now.find(field.name);
    const std::vector<std::string> values =
        found == now.end() ? std::vector<std::string>() : std::vector<std::string>{found->second};
    if (values != field.added)
      return fail(Fault::conflict, "{}: the Platform took the change of {}, and has {} all the same", change.key,
                  field.name, shown(values));
  }
  return {};
}

Outcome PlatformWriter::update_integration(const Change& change, Deadline deadline) {
  if (change.does(Action::move))
    return {fail(
        Fault::denied,
        "{}: a Platform cannot give an integration another model; declare one of another name, and remove this one",
        change.key)};
  const std::string name = platform_place(change.handle).integration;
  auto service = client_.integration(name, deadline);
  if (!service) return {Failure(std::move(service).error())};
  auto fields = still_to_do(change, *service);
  if (!fields) return {Failure(std::move(fields).error())};
  if (fields->empty()) return {change.id};
  const Value before = *service;
  const bool whole = std::ranges::any_of(*fields, [](const auto& each) { return each.name.starts_with(kService); });
  if (auto done = set_fields(*service, *fields); !done) {
    overwrite(*service);
    return {Failure(std::move(done).error())};
  }
  // Hidden values that go along in a block that is written, as it would be wiped by what was read. A block that is not
  // written is left out, unless this Platform is known to forget what is. What the change itself replaces or takes away
  // is not asked for: its source may be gone, and that may be why.
  const std::vector<std::string> hidden = left_hidden(*service, *fields);
  std::vector<std::string> filled;
  for (const std::string& path : hidden)
    if (const std::string block = block_of(path);
        forgets_ || touches_block(*fields, block) || std::ranges::find(kBlocks, block) == std::end(kBlocks))
      filled.push_back(path);
  if (auto done = fill_hidden(*service, filled); !done) {
    overwrite(*service);
    return {in_context(to_string(change.key), std::move(done).error())};
  }
  Value sent = *service;
  for (const std::string_view block : kBlocks)
    if (!forgets_ && !touches_block(*fields, block)) settings_in(sent).get_object().erase(block);
  auto done = send(name, sent, whole, deadline);
  if (!done) {
    overwrite(sent);
    overwrite(*service);
    return {Failure(std::move(done).error())};
  }
  auto back = client_.integration(name, deadline);
  if (back && !forgets_) {
    if (forgot(before, *fields, *back)) {
      forgets_ = true;
      if (auto again = send_again(name, *service, whole, hidden, deadline); !again) {
        overwrite(sent);
        overwrite(*service);
        return {in_context("the Platform forgot the credential, and putting it back failed", again.error()), true};
      }
      back = client_.integration(name, deadline);
    }
  }
  overwrite(sent);
  overwrite(*service);
  if (!back) return {in_context("reading back", std::move(back).error()), true};
  if (auto kept = confirm(change, *fields, *back); !kept) return {Failure(std::move(kept).error()), true};
  return {change.id};
}

Result<std::string> PlatformWriter::remove_integration(const Change& change, Deadline deadline) {
  const std::string name = platform_place(change.handle).integration;
  const auto service = client_.integration(name, deadline);
  if (!service && service.error().fault == Fault::not_found) return change.id;
  if (!service) return Failure(service.error());
  if (reader_.integration_id(*service) != change.id)
    return fail(Fault::conflict, "{}: {} was replaced by another one", change.key, change.handle);
  if (reader_.operation_of_integration(*service).empty())
    return fail(Fault::denied, "{}: {} does not carry the mark of an object that Plumbline created", change.key,
                change.handle);
  auto removed = client_.remove_integration(name, deadline);
  if (!removed && removed.error().fault != Fault::not_found) return Failure(std::move(removed).error());
  return change.id;
}

}  // namespace plumb::runtime

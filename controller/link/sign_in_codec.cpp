#include "controller/link/sign_in_codec.h"

namespace plumb::link {

std::string encode(const DirectoryOpening& opening, const SignInRequest& request) {
  std::string settings = encode(opening);
  Writer out;
  out.text(settings).texts(request.login_attributes).texts(request.base_dns).text(request.login);
  out.text(request.password == nullptr ? std::string_view() : request.password->reveal());
  out.flag(request.with_groups).flag(request.find_only);
  wipe(settings);
  return out.take();
}

Result<SignInAsk> decode_sign_in(std::string_view payload) {
  Reader in(payload);
  SignInAsk ask;
  PLUMB_TRY(ask.opening, decode_opening(in.text()));
  ask.request.login_attributes = in.texts();
  ask.request.base_dns = in.texts();
  ask.request.login = in.string();
  ask.request.password = std::make_shared<const Secret>(in.string());
  ask.request.with_groups = in.flag();
  ask.request.find_only = in.flag();
  if (!in.at_end()) return fail(Fault::invalid, "a sign-in that cannot be read");
  return ask;
}

std::string encode_answer(const SignInAnswer& answer) {
  Writer out;
  out.flag(answer.has_value());
  if (answer) {
    out.text(answer->id).text(answer->dn).text(answer->account).text(answer->upn).text(answer->display_name);
    out.text(answer->mail).u32(static_cast<std::uint32_t>(answer->groups.size()));
    for (const SignedIn::Group& group : answer->groups) out.text(group.dn).text(group.account);
    return out.take();
  }
  out.flag(answer.error().refusal.has_value());
  out.u8(static_cast<std::uint8_t>(answer.error().refusal.value_or(SignInRefusal{})));
  put(out, answer.error().error);
  return out.take();
}

SignInAnswer decode_sign_in_answer(std::string_view payload) {
  const auto unreadable = [] {
    return tl::unexpected(NotSignedIn{{}, {Fault::timeout, "the connector's answer cannot be read", {}}});
  };
  Reader in(payload);
  if (in.flag()) {
    SignedIn who;
    for (std::string* const text : {&who.id, &who.dn, &who.account, &who.upn, &who.display_name, &who.mail})
      *text = in.string();
    who.groups.resize(in.count(8));
    for (SignedIn::Group& group : who.groups) {
      group.dn = in.string();
      group.account = in.string();
    }
    if (!in.at_end() || who.id.empty()) return unreadable();
    return who;
  }
  NotSignedIn why;
  const bool refused = in.flag();
  const std::uint8_t refusal = in.u8();
  why.error = get_error(in);
  if (!in.at_end() || refusal > static_cast<std::uint8_t>(SignInRefusal::empty_password)) return unreadable();
  if (refused) why.refusal = static_cast<SignInRefusal>(refusal);
  return tl::unexpected(std::move(why));
}

}  // namespace plumb::link

#include "controller/adapters/ldap/faults.h"

#include <gtest/gtest.h>

namespace plumb::ldap {
namespace {

Fault fault(int code, std::string_view text = "") { return fault_of(code, text, "changing CN=x").fault; }

TEST(LdapFaults, SharedCodesAreToldApartByTheirText) {
  EXPECT_EQ(fault(16, "attribute 'title': no matching attribute value while deleting attribute"), Fault::conflict);
  EXPECT_EQ(fault(16, "objectclass_attrs: attribute 'fooBar' on entry 'CN=x' was not found in the schema!"),
            Fault::invalid);
  EXPECT_EQ(fault(53, "00002035: samldb: objectSid must not be specified!"), Fault::invalid);
  EXPECT_EQ(fault(53, "Attribute member doesn't exist for target GUID 1234"), Fault::conflict);
  EXPECT_EQ(fault(53, "Attribute member already deleted for target GUID 1234"), Fault::conflict);
  EXPECT_EQ(fault(32, "00002030: No such Base DN: CN=x"), Fault::not_found);
  EXPECT_EQ(fault(32, "00000525: specified dn doesn't exist"), Fault::conflict);
  EXPECT_EQ(fault(19, "0000052D: Constraint violation - check_password_restrictions"), Fault::invalid);
  EXPECT_EQ(fault(19, "000020B5: Referenced object not found"), Fault::conflict);
  EXPECT_EQ(fault(80, "00002095: objectclass: Cannot rename CN=x, parent does not exist!"), Fault::not_found);
  EXPECT_EQ(fault(1, "00002020: Operation unavailable without authentication"), Fault::denied);
}

TEST(LdapFaults, CodesSayWhatTheCallerCanDo) {
  EXPECT_EQ(fault(68), Fault::conflict);
  EXPECT_EQ(fault(20), Fault::conflict);
  EXPECT_EQ(fault(66), Fault::conflict);
  EXPECT_EQ(fault(50), Fault::denied);
  EXPECT_EQ(fault(49), Fault::denied);
  EXPECT_EQ(fault(21), Fault::invalid);
  EXPECT_EQ(fault(51), Fault::unavailable);
  EXPECT_EQ(fault(52), Fault::unavailable);
  EXPECT_EQ(fault(10), Fault::unavailable);
  EXPECT_EQ(fault(80), Fault::timeout) << "\"other\" does not say that nothing was done";
  EXPECT_EQ(fault(4711), Fault::internal);
}

TEST(LdapFaults, TheServersTextCannotSteerATerminalOrFillTheLog) {
  const std::string text = fault_of(53, "a\x1b[2J\nb" + std::string(5000, 'x'), "changing CN=x").message;
  EXPECT_TRUE(text.starts_with("changing CN=x: unwillingToPerform (53): a\\x1B[2J") ||
              text.starts_with("changing CN=x: unwillingToPerform (53): a\\x1b[2J"))
      << text;
  EXPECT_EQ(text.find('\n'), std::string::npos);
  EXPECT_LT(text.size(), 600U);
}

TEST(LdapFaults, ARefusedBindSaysWhyInWords) {
  const auto why = [](const std::string& data) {
    return bind_fault(
        49, "80090308: LdapErr: DSID-0C0903A9, comment: AcceptSecurityContext error, data " + data + ", v1db1",
        "svc@AD.TEST");
  };
  EXPECT_EQ(why("52e").fault, Fault::denied);
  EXPECT_NE(why("52e").message.find("name or the password is wrong"), std::string::npos);
  EXPECT_NE(why("775").message.find("locked"), std::string::npos);
  EXPECT_NE(why("532").message.find("expired"), std::string::npos);
  EXPECT_NE(why("999").message.find("invalidCredentials (49)"), std::string::npos) << why("999").message;
}

TEST(LdapFaults, WhyAPersonIsNotLetInIsToldApart) {
  const auto why = [](const std::string& data) {
    return std::string(to_string(sign_in_refusal(
        "80090308: LdapErr: DSID-0C090439, comment: AcceptSecurityContext error, data " + data + ", v4563")));
  };
  EXPECT_EQ(why("525"), "unknown_user");
  EXPECT_EQ(why("52e"), "wrong_password");
  EXPECT_EQ(why("530"), "not_now");
  EXPECT_EQ(why("531"), "not_here");
  EXPECT_EQ(why("532"), "password_expired");
  EXPECT_EQ(why("533"), "disabled");
  EXPECT_EQ(why("701"), "account_expired");
  EXPECT_EQ(why("773"), "must_change_password");
  EXPECT_EQ(why("775"), "locked");
  EXPECT_EQ(why("52f"), "restricted");
  EXPECT_EQ(why("5320"), "wrong_password")
      << "what is not known must not be taken for what only a right password brings";
  EXPECT_EQ(std::string(to_string(sign_in_refusal(""))), "wrong_password");
}

}  // namespace
}  // namespace plumb::ldap

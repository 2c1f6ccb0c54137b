//! The rules about who may do what: `R01` to `R44`, in the order of the table that they come from.

mod avd;
mod combination;
mod entitled;
mod grants;
mod helpers;
mod r24_entitlement_above_group;
mod r25_entitlement_of_user;
mod r26_entitlement_of_the_wrong;
mod r27_group_for_nobody;
mod r28_desktop_and_remote_apps;
mod r29_autoscale_without_power;
mod r30_start_on_connect_without_power;
mod r31_avd_service_with_more;
mod r32_role_of_name_sake;
mod r33_publish_to_oneself;
mod r34_registration_tokens;
mod r35_registration_token_alive;
mod r36_machine_contributor_of_people;
mod r37_administrator_login;
mod r38_entitled_without_login;
mod r39_operators_above_pool;
mod r40_elevated_shares;
mod r41_secrets;
mod r42_vendor_with_power;
mod r43_left_over;
mod r44_unread;
mod remedy;

use super::rule::Rule;

/// The rules, by id.
pub const RULES: &[Rule] = &[
    r24_entitlement_above_group::RULE,
    r25_entitlement_of_user::RULE,
    r26_entitlement_of_the_wrong::RULE,
    r27_group_for_nobody::RULE,
    r28_desktop_and_remote_apps::RULE,
    r29_autoscale_without_power::RULE,
    r30_start_on_connect_without_power::RULE,
    r31_avd_service_with_more::RULE,
    r32_role_of_name_sake::RULE,
    r33_publish_to_oneself::RULE,
    r34_registration_tokens::RULE,
    r35_registration_token_alive::RULE,
    r36_machine_contributor_of_people::RULE,
    r37_administrator_login::RULE,
    r38_entitled_without_login::RULE,
    r39_operators_above_pool::RULE,
    r40_elevated_shares::RULE,
    r41_secrets::RULE,
    r42_vendor_with_power::RULE,
    r43_left_over::RULE,
    r44_unread::RULE,
];

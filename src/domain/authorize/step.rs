//! What stands between an authorization request and its answer.

use crate::protocol::error::ErrorCode;

/// What the browser must see next, if anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// An account is made first.
    SignUp,
    LogIn,
    SelectAccount,
    Consent,
    Answer,
    /// The answer is this error: a page would be needed and `prompt=none` allows none, or no page
    /// would help.
    Refuse(ErrorCode),
}

/// What is known so far about this browser and this request.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Progress {
    /// Somebody is signed in.
    pub signed_in: bool,
    /// They are whom the client named (`id_token_hint`, `claims.sub`), or it named nobody.
    pub is_expected_user: bool,
    /// The sign-in is too old (`max_age`) or must be new (`prompt=login`), and is not of this
    /// interaction.
    pub must_sign_in_again: bool,
    /// `prompt=select_account`, and they have not chosen in this interaction.
    pub must_select: bool,
    /// They have allowed what is asked for, or need not be asked.
    pub consented: bool,
    /// `prompt=consent`: ask whatever was allowed before.
    pub must_ask_consent: bool,
    /// `prompt=none`: no page may be shown.
    pub silent: bool,
    /// They reach the essential level, or none was asked for (§5.5.1.1).
    pub is_sure_enough: bool,
    /// `prompt=create`, and they have not signed in within this interaction.
    pub must_sign_up: bool,
    /// They have signed in within this interaction, as well as they can.
    pub has_just_signed_in: bool,
}

/// Chooses the next step (OpenID Connect Core §3.1.2.3, §3.1.2.4, §3.1.2.6).
///
/// Pure, so the whole order of pages is in this function and in its tests.
pub fn next(progress: Progress) -> Step {
    let step = match progress {
        Progress { must_sign_up: true, .. } => Step::SignUp,
        Progress { signed_in: false, .. }
        | Progress { is_expected_user: false, .. }
        | Progress { must_sign_in_again: true, .. } => Step::LogIn,
        Progress { is_sure_enough: false, has_just_signed_in: true, .. } => {
            return Step::Refuse(ErrorCode::UnmetAuthenticationRequirements);
        }
        Progress { is_sure_enough: false, .. } => Step::LogIn,
        Progress { must_select: true, .. } => Step::SelectAccount,
        Progress { consented: false, .. } | Progress { must_ask_consent: true, .. } => {
            Step::Consent
        }
        _ => Step::Answer,
    };
    match (progress.silent, step) {
        (true, Step::LogIn | Step::SignUp) => Step::Refuse(ErrorCode::LoginRequired),
        (true, Step::SelectAccount) => Step::Refuse(ErrorCode::AccountSelectionRequired),
        (true, Step::Consent) => Step::Refuse(ErrorCode::ConsentRequired),
        (_, step) => step,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DONE: Progress = Progress {
        signed_in: true,
        is_expected_user: true,
        must_sign_in_again: false,
        must_select: false,
        consented: true,
        must_ask_consent: false,
        silent: false,
        is_sure_enough: true,
        must_sign_up: false,
        has_just_signed_in: false,
    };

    #[test]
    fn consent_is_asked_only_of_someone_signed_in() {
        assert_eq!(next(Progress { signed_in: false, ..DONE }), Step::LogIn);
        assert_eq!(next(Progress { consented: false, ..DONE }), Step::Consent);
        assert_eq!(next(DONE), Step::Answer);
    }

    #[test]
    fn a_fresh_sign_in_comes_before_everything_else() {
        let again =
            Progress { must_sign_in_again: true, must_select: true, consented: false, ..DONE };
        assert_eq!(next(again), Step::LogIn);
        assert_eq!(
            next(Progress { must_select: true, consented: false, ..DONE }),
            Step::SelectAccount
        );
    }

    #[test]
    fn az_13_another_user_than_the_hinted_one_must_sign_in() {
        assert_eq!(next(Progress { is_expected_user: false, ..DONE }), Step::LogIn);
    }

    #[test]
    fn az_09_with_prompt_none_every_page_is_an_error() {
        let silent = Progress { silent: true, ..DONE };
        for (progress, code) in [
            (Progress { signed_in: false, ..silent }, ErrorCode::LoginRequired),
            (Progress { must_sign_in_again: true, ..silent }, ErrorCode::LoginRequired),
            (Progress { is_expected_user: false, ..silent }, ErrorCode::LoginRequired),
            (Progress { consented: false, ..silent }, ErrorCode::ConsentRequired),
        ] {
            assert_eq!(next(progress), Step::Refuse(code));
        }
        assert_eq!(next(silent), Step::Answer);
    }

    #[test]
    fn a10_whoever_is_not_sure_enough_signs_in_once_more_and_then_is_refused() {
        let weak = Progress { is_sure_enough: false, ..DONE };
        assert_eq!(next(weak), Step::LogIn);
        let silent = Progress { silent: true, ..weak };
        assert_eq!(next(silent), Step::Refuse(ErrorCode::LoginRequired));
        let unmet = Step::Refuse(ErrorCode::UnmetAuthenticationRequirements);
        assert_eq!(next(Progress { has_just_signed_in: true, ..weak }), unmet);
        assert_eq!(next(Progress { has_just_signed_in: true, must_select: true, ..weak }), unmet);
    }

    #[test]
    fn prompt_create_asks_for_an_account_even_of_somebody_who_is_signed_in() {
        assert_eq!(next(Progress { must_sign_up: true, ..DONE }), Step::SignUp);
        let stranger = Progress { signed_in: false, must_sign_up: true, ..DONE };
        assert_eq!(next(stranger), Step::SignUp);
    }

    #[test]
    fn i6_prompt_consent_asks_although_it_was_allowed_before() {
        assert_eq!(next(Progress { must_ask_consent: true, ..DONE }), Step::Consent);
    }
}

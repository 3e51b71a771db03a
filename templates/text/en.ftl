# The words of every page, in English.
# Sentence case, "you", at most twenty words a sentence. Values come in as $name.
# Messages shown with markup hold <b> and <a> only; the values in them are escaped by the program.

## Every page

description = Sign in with your Countersign account
title-admin = Countersign admin
skip = Skip to content
languages = Language
area-account = Account
area-admin = Administration
sign-in = Sign in
sign-out = Sign out
cancel = Cancel
continue = Continue
show = Show
hide = Hide
error-prefix = Error:
errors-title = There is something to correct.
request-code = Request code
nav-overview = Overview
nav-profile = Personal info
nav-security = Security
nav-devices = Devices
nav-apps = Connected apps
nav-your-account = Your account
nav-dashboard = Dashboard
nav-users = Users
nav-clients = Clients
nav-resources = APIs
nav-issuers = Trusted issuers
nav-keys = Keys
nav-audit = Audit log

## Times

date = { $day } { $month } { $year }
date-time = { $date }, { $time } UTC
month-1 = January
month-2 = February
month-3 = March
month-4 = April
month-5 = May
month-6 = June
month-7 = July
month-8 = August
month-9 = September
month-10 = October
month-11 = November
month-12 = December
ago-now = just now
ago-minutes = { $count ->
    [one] 1 minute ago
   *[other] { $count } minutes ago
  }
ago-hours = { $count ->
    [one] 1 hour ago
   *[other] { $count } hours ago
  }
ago-days = { $count ->
    [one] yesterday
   *[other] { $count } days ago
  }
ago-months = { $count ->
    [one] 1 month ago
   *[other] { $count } months ago
  }
ago-years = { $count ->
    [one] 1 year ago
   *[other] { $count } years ago
  }

## Sign in

login-title-app = Sign in to { $app }
username-or-email = Username or email
password = Password
caps-lock = Caps Lock is on.
remember = Keep me signed in
forgot = Forgot your password?
or = or
sign-in-passkey = Sign in with a passkey
register = New here? <a href="{ $url }">Create an account</a>
sign-up-title = Create an account
sign-up-title-app = Create an account to use { $app }
sign-up-submit = Create account
sign-up-known = You have an account? <a href="{ $url }">Sign in</a>
login-signed-up = If this address had no account yet, it has one now. Sign in with the password you chose.
login-wrong = <strong>That did not work.</strong> Check your username and password and try again.
login-wrong-recover = <strong>That did not work.</strong> Check your username and password and try again, or <a href="{ $url }">reset your password</a>.
login-slow-down = <strong>Too many attempts.</strong> Wait { $seconds } seconds, then try again. Your account is not blocked.
login-slow-down-passkey = A passkey still works now.
login-blocked = <strong>This account is blocked.</strong> Ask the people who run this service. Request code <code>{ $code }</code>
login-blocked-contact = <strong>This account is blocked.</strong> Ask { $contact }. Request code <code>{ $code }</code>
login-too-old = <strong>This sign-in page is older than { $minutes } minutes.</strong> We kept your app request; sign in again.
login-cookies-off = <strong>Your browser sent no cookies.</strong> Allow cookies for this site, then sign in again.
login-again = <strong>Sign in again to go on.</strong> This step needs a sign-in from a moment ago.

## Choose an account

select-title = Choose an account
select-for = to go on to { $app }
select-other = Use another account
signed-in = Signed in

## Consent

consent-title = Allow { $app }?
consent-heading = { $app } wants to use your account
consent-from = From <b>{ $domain }</b>
consent-verified = Verified domain
consent-unverified = We could not verify who runs this app.
consent-on-device = This is an app on your device. Only continue if you started this yourself.
not-you = Not you?
consent-able = It will be able to
consent-already = Already allowed
consent-not-password = It will <b>not</b> see your password.
allow = Allow
consent-return = You will go back to { $destination }.
consent-return-device = You will go back to the app on your device.
consent-revoke = You can remove access at any time under <a href="/account/apps">Connected apps</a>.
consent-privacy = Read their <a href="{ $privacy }" rel="noopener">privacy policy</a>.
consent-terms = Read their <a href="{ $terms }" rel="noopener">terms</a>.
consent-privacy-terms = Read their <a href="{ $privacy }" rel="noopener">privacy policy</a> and <a href="{ $terms }" rel="noopener">terms</a>.
scope-profile = See your name and picture
scope-email = See your email address
scope-address = See your postal address
scope-phone = See your phone number
scope-offline = Stay connected when you are away
scope-offline-value = Until you remove it or 30 days pass without use
scope-claim = See your { $claim }
scope-unknown = Use “{ $scope }” for you

## Devices

device-title = Connect a device
device-type = Enter the code that your device shows.
device-compare = Check that your device shows this code. Then continue.
device-code = Code
device-code-hint = Eight letters. Spaces, dashes and capitals do not matter.
device-only-own = Only enter a code from a device that you have with you. Nobody else may ask you for one.
device-heading = A device asks for this
device-check = Only continue if you see this code on your own device.
device-asked = Asked { $asked } from { $address }. { $kind }.
device-return = Your device goes on by itself.
device-allowed-title = Your device is connected
device-allowed-text = { $app } goes on by itself. You can close this page.
device-denied-title = You refused
device-denied-text = { $app } gets no access. You can close this page.
device-undecided-title = Nothing happened
device-undecided-text = { $app } was not connected. The code stays good for a few minutes.
device-used-title = This code was already used
device-used-text = Somebody has decided, or the code is too old. Start again on the device for a new one.
device-again = Enter another code

## Back to the app, and signing out

returning-title = Returning to { $app }
returning-text = You are on your way back. If nothing happens, use the button.
returning-continue = Continue to { $app }
form-post-text = One more step sends your answer to the app. If nothing happens, use the button.
signed-out-title = You are signed out
signing-out-text = We tell your apps that you have signed out. This takes a moment.
signing-out-frame = An app signs you out
signed-out-text = You can close this page. Apps you use may keep their own sign-in for a while.
sign-in-again = Sign in again
logout-title = Do you want to sign out?
logout-asked-by = { $app } asks to sign you out.
logout-as = You are signed in as <b>{ $email }</b>.
logout-text = Apps that use this sign-in will ask you to sign in again.
logout-stay = Stay signed in

## Errors

error-kind-request = Request error
error-kind-logout = Logout error
error-details = Details for developers
error-row-error = Error
error-row-sent = Sent
error-row-closest = Closest registered
error-home = Go to the front page
error-not-your-fault = You did nothing wrong. Go back to the app and try again, or tell its owner the code below.
error-redirect-title = We cannot send you back to this app
error-redirect-text = The address in the request is not registered for <b>{ $app }</b>, so we stopped here to protect your account.
error-client-title = We do not know this app
error-client-text = The app that sent you here is not registered with us.
error-request-title = We do not understand this request
error-request-text = The app that sent you here asked for something we cannot do.
error-again-title = Start again in the app
error-again-text = This step has expired, was used already, or was started in another browser.
error-again-advice = Go back to the app and sign in from there.
error-form-title = We could not check this form
error-form-text = The form did not come from a page we gave you, or your sign-in has changed since.
error-form-advice = Go back, load the page again and repeat the step. Nothing was changed.
error-forbidden-title = This page is for administrators
error-forbidden-text = Your account does not have the role this page needs.
error-forbidden-advice = An administrator can give you the role.
error-missing-title = There is nothing here
error-missing-text = The address is wrong, or what was here is gone.
error-missing-advice = Check the address, or start from the front page.
error-slow-title = Too many requests
error-slow-text = There were too many requests from your network.
error-slow-advice = Wait a minute, then try again.
error-server-title = Something went wrong on our side
error-server-text = We could not finish what you asked for.
error-server-advice = Try again in a minute. If it stays, tell the people who run this service the code below.
error-setup-title = This set-up link does not work
error-setup-text = It was used already, is older than 30 minutes, or is not complete.
error-setup-advice = Start the server again for a new link, or make an administrator on the command line.
error-logout-title = We cannot sign you out this way
error-logout-text = The sign-out request names an address or a token that does not fit.
error-logout-advice = You can sign out on your account page.
difference-slash = differs by the last “/”
difference-case = differs in capital letters
difference-scheme = differs in the part before “://”
difference-host = differs in the host name
difference-port = differs in the port
difference-path = differs in the path
difference-query = differs after the “?”
difference-fragment = differs after the “#”
difference-spelling = is written in another way

## Form mistakes

problem-missing = Fill in this field.
problem-too-long = This is too long.
problem-bad-character = This has a character that cannot be used here.
problem-email-invalid = Write an email address such as name@example.org.
problem-email-taken = Another account has this email address.
problem-username-invalid = Use letters, digits, dots, dashes and underscores only.
problem-username-taken = Another account has this username.
problem-password-wrong = This is not your current password.
problem-password-short = Use at least { $minimum } characters.
problem-password-long = This password is too long.
problem-passwords-differ = The two passwords are not the same.
problem-password-same = This is your current password. Choose another.
problem-password-common = This password is in a list of common passwords. Choose another.
problem-reason-missing = Write a reason.
problem-address-missing = Add at least one redirect address.
problem-address-invalid = Line { $line }: write a whole address, such as https://app.example.org/callback.
problem-address-insecure = Line { $line }: use https. http is allowed only for 127.0.0.1, [::1] and localhost.
problem-address-fragment = Line { $line }: remove the part from “#” on.
problem-address-wildcard = Line { $line }: write the whole address. “*” is not allowed.
problem-address-scheme = Line { $line }: this kind of address is not allowed.
problem-scope-invalid = A scope has a character that cannot be used here.
problem-list-invalid = Use letters, digits, dots, dashes, underscores and colons only.
problem-last-admin = This is the last administrator. Make another one first.
problem-date-invalid = Write a date such as 2026-11-21.
problem-choice-invalid = Choose one of the values offered.
problem-invalid = This value cannot be used.
problem-name-invalid = Use 1 to 100 characters that can be seen.
problem-claim-invalid = This value does not fit here.
problem-reason-invalid = Use at most 500 characters that can be seen.
problem-yourself = You cannot do this to your own account. Ask another administrator.
problem-too-many = There are too many entries here.
problem-user-code = This code is not right, or it is too old. Check the code on your device.
problem-too-many-codes = Too many wrong codes. Wait { $minutes } minutes, then try again.
problem-slow-down = Too many attempts. Wait { $seconds } seconds, then try again.
problem-client-id-invalid = Use 1 to 64 letters, digits, dots, dashes and underscores.
problem-client-id-taken = Another app has this client id.
problem-link-invalid = Write an https address.
problem-grant-missing = Choose at least one grant type.
problem-grant-refresh = refresh_token needs a grant that asks people as well, such as authorization_code.
problem-offline-scope = offline_access asks for a refresh token: tick refresh_token as well, or leave it out.
problem-public-pkce = An app without a secret always needs PKCE.
problem-grant-public = client_credentials needs an app that can prove who it is.
problem-exchange-nobody = Name at least one resource: the app uses token exchange.
problem-exchange-depth = Use a number from 1 to 4.
problem-attributes = Write a JSON object of at most 50 texts, numbers, true or false, or lists of texts.
problem-private-claim = Line { $line }: write name = source. A registered name keeps its meaning; choose your own or an address.
problem-issuer-own = This server does not vouch to itself.
problem-issuer-taken = This issuer is trusted already.
problem-issuer-keys = Give either the address of its keys or the keys themselves.
problem-issuer-user = Nobody here has this id, email or user name.
problem-response-invalid = Response types with “code” go with authorization_code, and only with it.
problem-keys-twice = Give the keys, or their address, not both.
problem-keys-missing = private_key_jwt needs the public keys of the app, or their address.
problem-request-keys-missing = Signed requests need the public keys of the app, or their address.
problem-enc-without-alg = Choose how the key is encrypted as well.
problem-response-keys-missing = Encrypted answers need a public key of the app to encrypt to.
problem-profile = The profile of the app does not allow this.
problem-keys-invalid = These are not public keys that can be used.
problem-certificate-name = Give exactly one name of the certificate with tls_client_auth, and none otherwise.
problem-lifetime-invalid = Use 30 to 3600 seconds.
problem-refresh-missing = The app needs the grant type refresh_token for this.
problem-last-secret = This is the only secret of the app. Make a new one first.
problem-identifier-invalid = Write an absolute address without a # part, such as https://api.example.com.
problem-identifier-taken = Another API has this identifier.
problem-scope-reserved = openid, profile, email, address, phone and offline_access belong to no API.
problem-details-invalid = Write the types as a JSON array; the guide on APIs shows one.
problem-details-taken = Another API declares one of these types.
problem-recipient-missing = Give a public key or an address of keys, or choose dir or A256KW.
problem-sector-missing = The redirect addresses are not all on one host. Give the address of a sector document.
problem-sector-invalid = The document at this address cannot be read, or lacks a redirect address of the app.
problem-front-channel-origin = Use the scheme, host and port of one of the redirect addresses.
problem-encryption-keys = The app has no public key that fits the chosen encryption.

## Front page and set-up

home-title = Countersign
home-text = One account to sign in to your apps. You decide which app sees what.
home-issuer = Issuer
home-discovery = Discovery document
setup-title = Make the first administrator
setup-text = This link works once. The account you make here can do everything.
setup-submit = Make administrator
email = Email
name = Name
new-password = New password
new-password-confirm = New password again
new-password-hint = At least { $minimum } characters. Any character is fine, and a long sentence is best.

## What was just done

notice-profile-saved = Your details are saved.
notice-password-changed = Your password is changed. All other devices are signed out.
notice-session-ended = The device is signed out.
notice-other-sessions-ended = All other devices are signed out.
notice-access-removed = The app has no access now.
notice-user-created = The account is made.
notice-user-saved = The account is saved.
notice-user-blocked = The account is blocked, and its tokens are revoked.
notice-user-unblocked = The account can sign in again. Its old tokens stay revoked.
notice-tokens-revoked = All tokens of the account are revoked.
notice-user-signed-out = The person is signed out.
notice-user-deleted = The account is deleted.
notice-client-saved = The app is saved.
notice-client-enabled = The app can be used again.
notice-client-disabled = The app is disabled.
notice-client-deleted = The app is deleted.
notice-resource-saved = The API is saved.
notice-resource-deleted = The API is deleted.
notice-issuer-saved = The issuer is saved.
notice-issuer-deleted = The issuer is trusted no more.
notice-secret-retired = The secret does not work any more.
notice-key-rotated = A new key is published. We start to use it in 10 minutes.
notice-key-retired = The key is retired.

## States

state-active = Active
state-blocked = Blocked
state-disabled = Disabled

## Account

overview-hello = Hello, { $name }
overview-check-up = Security check-up
overview-newest = Newest events
overview-nothing = Nothing has happened yet.
check-done = Done
check-to-do = To do
check-review = Review
check-password = You have a password.
check-no-password = You have no password.
check-email = Your email address is confirmed.
check-email-open = Your email address is not confirmed.
check-devices = { $count ->
    [one] You are signed in on 1 device.
   *[other] You are signed in on { $count } devices.
  }
event-sign-in = Signed in
event-sign-in-failed = Sign-in refused
event-sign-out = Signed out
event-password = Password changed
event-profile = Details changed
event-consent = App allowed
event-access-removed = App access removed
event-created = Account made
event-blocked = Account blocked
event-unblocked = Account unblocked
event-tokens-revoked = Tokens revoked
given-name = Given name
family-name = Family name
email-verified = Confirmed
email-unverified = Not confirmed
language-browser = As the browser says
theme = Colours
theme-device = As the device says
theme-light = Light
theme-dark = Dark
save = Save
password-changed = Last changed { $ago }
password-none = You have no password.
change-password = Change password
set-password = Set a password
current-password = Current password
password-ends = Changing it signs you out on all other devices and revokes the access of apps.
security-devices = See where you are signed in
devices-text = These browsers are signed in to your account.
devices-this = This device
devices-detail = { $ip }. Signed in { $signed_in }. Last seen { $last_seen }
devices-end-others = Sign out everywhere else
device = { $browser } on { $system }
device-unknown = Unknown device
apps-text = These apps may use your account.
apps-none = No app uses your account.
apps-since = Since { $since }.
apps-last-used = Last used { $ago }.
apps-remove = Remove access
apps-open = Open

## Confirm pages

reason = Reason
reason-hint = It goes to the audit log.
end-session-title = Sign out { $name }?
end-session-text = That browser is signed out now. Apps you used there ask for a new sign-in.
end-others-title = Sign out everywhere else?
end-others-text = Every browser but this one is signed out now.
remove-access-title = Remove access of { $name }?
remove-access-text = { $name } loses access now and must ask again.
block-user-title = Block { $name }?
block-user-text = Signs the person out of everything and revokes all tokens now.
block-user-more = They cannot sign in until you unblock them.
block-user-button = Block
unblock-user-title = Unblock { $name }?
unblock-user-text = They can sign in again. Tokens from before stay revoked.
unblock-user-button = Unblock
revoke-tokens-title = Revoke all tokens of { $name }?
revoke-tokens-text = Apps lose access now. The person can sign in again at once.
revoke-tokens-button = Revoke all tokens
sign-out-user-title = Sign { $name } out?
sign-out-user-text = Every browser of this person is signed out now.
sign-out-user-button = Sign out everywhere
end-user-session-title = Sign out { $name }?
end-user-session-text = That browser of this person is signed out now. Apps used there ask for a new sign-in.
delete-user-title = Delete { $name }?
delete-user-text = The account with its sessions and consents is deleted now, and all its tokens end. The audit log stays.
delete-user-more = This cannot be undone. To stop it for a while, block the user.
delete-user-button = Delete user
disable-client-title = Disable { $name }?
disable-client-text = Nobody can sign in to this app, and it gets no tokens, until you enable it.
disable-client-button = Disable
enable-client-title = Enable { $name }?
enable-client-text = People can sign in to this app again.
enable-client-button = Enable
delete-client-title = Delete { $name }?
delete-client-text = The app, its secrets and everyone's consent to it are deleted now.
delete-client-more = This cannot be undone. To stop it for a while, disable it.
delete-client-button = Delete
delete-resource-title = Delete { $name }?
delete-resource-text = No token is made for this API any more. Tokens that are out work until they expire.
delete-resource-button = Delete
rotate-resource-secret-text = Tokens are made with the new secret at once. Let the API take both until the tokens of before have expired.
delete-issuer-title = Trust { $name } no more?
delete-issuer-text = Its assertions give no tokens any more. Tokens that are out work until they expire.
delete-issuer-button = Trust no more
rotate-secret-title = Make a new secret for { $name }?
rotate-secret-text = The old secret goes on working until you retire it, so the app can change over.
rotate-secret-button = Make a new secret
retire-secret-title = Retire old secret of { $name }?
retire-secret-text = A service that still uses this secret cannot get tokens from now on.
retire-secret-button = Retire old secret
rotate-key-title = Rotate the { $name } key?
rotate-key-text = Apps see the new key at once; we start to use it in 10 minutes.
rotate-now = Rotate now
retire-key-title = Retire the key { $name }?
retire-key-text = Tokens signed with this key stop being valid as soon as services fetch the keys again. What is encrypted to it cannot be opened any more.
retire-key-button = Retire key

## Administration

any = Any
never = never
none = none
open = Open
apply = Apply
search = Search
status = Status
role = Role
roles = Roles
groups = Groups
user = User
username = Username
client = App
created = Made
since = Since
scopes = Scopes
actions = Actions
copy = Copy
copied = Copied
pages = Pages
pages-first = First page
pages-next = Next page
last-sign-in = Last sign-in
last-seen = Last seen
last-used = Last used
list-hint = Separate with commas or lines.
tile-sign-ins = Sign-ins today
tile-failed = Failed today
tile-sessions = Active sessions
tile-key-age = Age of the signing key
tile-sign-ins-day = Sign-ins
tile-failed-day = Failed
dashboard-attention = Needs attention
dashboard-nothing = Nothing needs your attention.
dashboard-days = Sign-ins of the last 30 days
dashboard-table = Show as a table
dashboard-day = Day
users-search = name, email or id
users-new = New user
users-create = Make account
users-summary = { $shown } of { $total } users
user-password-hint = Leave it empty if the person gets one later.
user-id = id:
user-profile = Profile
user-attributes = Attributes for claims of your own (JSON)
user-no-apps = No app uses this account.
user-all-audit = All entries
sessions = Sessions
sessions-none = Not signed in anywhere.
device-column = Device
clients-text = The apps and services that may ask people to sign in here.
clients-new = New app
clients-create = Make app
clients-none = There are no apps yet.
client-kind = Type
client-name = Name people see
client-created = Made
client-no-secret = This kind of app cannot keep a secret, so it has none. It proves itself with PKCE.
client-open = Open the app page
client-policy = Policy
allowed-resources-label = APIs it may ask tokens for: one identifier a line; empty: by its scopes
resource-server-label = APIs it serves, whose tokens it may introspect: one identifier a line
resources-text = The services that access tokens are made for.
resources-new = New API
resources-create = Make API
resources-none = There are no APIs yet. Tokens are for the default audience.
resource-name = Name
resource-identifier = Identifier
resource-identifier-label = Identifier: its aud, an absolute address; it cannot be changed later
resource-scopes = Scopes
resource-scopes-label = Scopes: one a line, with the words people read, such as orders:read = See your orders
resource-what = What it is
resource-format = Format
resource-signed-alg = Signature
resource-lifetime = Life in seconds; empty: as the server has it
resource-status-list = Tokens say where their status is told, for services that read no list of ours
resource-secret-text = HS256, dir and A256KW work with a secret of the API, which is made when you save.
resource-encryption = Encryption, for JWE
resource-encryption-alg = Key management
resource-encryption-enc = Content
resource-alg-suiting = What suits the key
resource-jwks-uri = Address of its public keys
resource-jwk = Or its public key as JWK
resource-details = Authorization details
resource-details-label = Types of details, as a JSON array (RFC 9396)
resource-claims = Claims of your own
resource-claims-label = Claims in its tokens: one a line, such as department = user.department
claims-sources = Sources: user.NAME, roles, groups, roles:PREFIX, groups:PREFIX, text:WORDS. Names: your own words, or an address such as https://example.com/department.
preview-title = Look at tokens
preview-open = Look at tokens
preview-text = What tokens would say of a person who signed in and allowed everything. No token is given away.
preview-client = App: client_id
preview-resource = API: identifier; the default audience if empty
preview-show = Show
preview-access-token = Access token
preview-id-token = ID token
preview-size = { $bytes } bytes
preview-large = The token is longer than 4 KiB. Servers and proxies may refuse requests with it: leave claims out, or choose opaque tokens.
preview-sealed = It is encrypted: only the app can read it.
preview-no-client = There is no such app, or it is off.
preview-no-user = Nobody here has this id, email or user name, or the account is blocked.
preview-no-target = The app may not ask for tokens for this API.
details-types-label = Types of authorization details it may ask for: one a line
resource-secret = New secret of the API
resource-secret-once = Copy the secret now. It is shown once.
issuers-text = Who else may vouch for people: their signed assertions are taken as a grant (RFC 7523).
issuers-new = New trusted issuer
issuers-none = Nobody else is trusted.
issuer-name = Name
issuer-iss = Issuer
issuer-iss-label = Issuer: its iss; it cannot be changed later
issuer-jwks-uri = Address of its public keys
issuer-jwks = Or its public keys (JWK Set)
issuer-clients = Apps
issuer-clients-label = Apps that may bring its assertions: one client_id a line
issuer-scope = The most that comes of it; the scope of the app if empty
issuer-user-claim = Claim that names the person, for subjects that are not listed below
issuer-named-by = By what it names them
issuer-by-id = Id (sub)
issuer-by-username = User name
issuer-by-email = Confirmed email address
issuer-subjects = Who its subjects are
issuer-subjects-text = What is said here counts before the claim.
issuer-subject = Subject (sub)
issuer-user = User
issuer-user-label = User: id, email or user name
issuer-map = Save subject
issuer-unmap = Remove subject
secret-age = Age of secret
kind-web = Web server
kind-web-text = Runs on a server that can keep a secret, such as a web app with a back end.
kind-spa = Single-page
kind-spa-text = Runs in the browser alone, so it cannot keep a secret.
kind-native = Mobile or desktop
kind-native-text = Is installed on a phone or computer and opens the browser to sign in.
kind-machine = Machine
kind-machine-text = A service that acts for itself, without a person.
wizard-type = What sort of app is it?
wizard-other-type = Choose another type
redirect-uris = Name and addresses
redirect-uris-label = Redirect addresses: one per line, exact match
post-logout-label = Addresses after sign-out: one per line
scopes-label = Scopes: separate with spaces
access = Access
grant-types = Grant types
require-pkce = Require PKCE
skip-consent = Skip the consent page
proof-title = Keys and certificates
assertion-alg = Algorithm of its assertions
jwks-label = Its public keys (a JWK Set)
jwks-uri-label = Address of its public keys
certificate-names = Certificate: one name, for tls_client_auth
certificate-subject = Subject
certificate-dns = DNS name
certificate-uri = URI
certificate-ip = IP address
certificate-email = Email address
bound-tokens = Tokens bound to a key
certificate-bound = Bind access tokens to its certificate
dpop-bound = Require a DPoP proof with every token request
access-token-format = Access tokens
format-jwt = JWT, signed
format-jwe = JWE, signed and encrypted
format-opaque = Opaque, by introspection only
id-token-alg = ID token signature
auth-method = Client authentication
requests-title = Requests and answers
requests-required = What requests must be
require-pushed = Take only requests that the app has pushed before (PAR)
require-signed = Take only requests that the app has signed (JAR)
request-signing-alg = Signature of requests
request-encryption-alg = Encryption of requests: key
request-encryption-enc = Encryption of requests: content
request-uris-label = Addresses of request objects: one per line
response-signing-alg = Signature of answers as tokens (JARM)
response-encryption-alg = Their encryption: key
response-encryption-enc = Their encryption: content
choice-none = None
profile-label = Profile
profile-hint = A profile holds the app to its rules as a whole, whatever is chosen below.
profile-none = None
profile-fapi2 = FAPI 2.0: security profile
profile-fapi2-message-signing = FAPI 2.0: security profile, and requests are signed
choice-any = Any
settings-title = More settings
settings-about = About the app
settings-sign-in = Signing people in
settings-sign-out = Signing people out
settings-keys = Keys, encryption and signatures
setting-none = None
setting-client-uri = Home page
setting-logo-uri = Logo: address of a picture
setting-policy-uri = Privacy policy
setting-tos-uri = Terms of service
setting-initiate-login-uri = Address where a sign-in can be started
setting-contacts = Contacts: separate with spaces
setting-response-types = Response types
setting-default-max-age = Sign in again after this many seconds
setting-require-auth-time = Always say when the person signed in
setting-default-acr-values = Levels of sign-in: separate with spaces
setting-subject-type = What the app calls people (sub)
setting-sector-identifier-uri = Sector document for pairwise names
setting-back-channel = Address that is told when a session ends (back-channel)
setting-back-channel-sid = The app needs to know which session (back-channel)
setting-front-channel = Address that the browser loads at sign-out (front-channel)
setting-front-channel-sid = The app needs to know which session (front-channel)
setting-jwks-uri = Address of the app’s public keys
setting-jwks = Public keys of the app (JWK Set)
setting-id-token-alg = Encrypt ID tokens
setting-id-token-enc = Content of encrypted ID tokens
setting-userinfo-signed = Sign userinfo
setting-userinfo-alg = Encrypt userinfo
setting-userinfo-enc = Content of encrypted userinfo
settings-claims = Claims of your own
setting-access-token-claims = Claims in access tokens: one a line, such as department = user.department
setting-id-token-claims = Claims in ID tokens and userinfo: one a line
settings-exchange = Token exchange
setting-exchange-audiences = Resources that tokens may be exchanged for: separate with spaces
setting-exchange-scope = The most that tokens have after an exchange; the scope of the app if empty
setting-exchange-actors = Who may act for people (sub of the actor token): separate with spaces
setting-exchange-max-actors = How many may act one for the other, 1 to 4
setting-exchange-impersonation = Tokens may leave open who acts
setting-may-act = Who alone may act with the app’s tokens of people (may_act)
setting-introspection-signed = Sign answers of introspection
setting-introspection-alg = Encrypt answers of introspection
setting-introspection-enc = Content of encrypted answers
secrets = Client secrets
secret-new = New client secret
secret-once = <strong>Copy the secret now.</strong> It is shown once. We keep only a hash.
messages-title = Messages to the app
messages-text = The app is told when a session ends, as long as it has an address for that.
message-kind = Message
message-made = Made
message-attempts = Attempts
message-next = Next attempt
message-problem = Problem
message-arrived = Arrived
message-waits = On its way
message-given-up = Given up
secret-created = Made on { $date }
secret-expires = Ends on { $date }
secret-no-expiry = Works until you retire it
snippets = Add it to your app
snippet-env = Environment (.env)
snippet-oidc = Settings of any OpenID Connect library
snippet-curl = Get a token with curl
test-sign-in = Test sign-in
initiate-login = Start a sign-in at the app
algorithm = Algorithm
key-next = Next
key-active = Active
key-retiring = Retiring
key-retired = Retired
key-signs-from = In use from
key-leaves = Leaves the key set
audit-time = Time
audit-actor = Who
audit-action = Action
audit-target = Target
audit-result = Result
audit-ip = IP address
audit-details = Details
audit-from = From
audit-to = To
audit-all = Show all
audit-none = No entries.
result-ok = OK
result-failed = Failed
export-csv = Export CSV
export-json = Export JSON

# Administration: what cannot be done, and what needs attention
error-conflict-title = This cannot be done
error-conflict-advice = Go back to choose something else. Nothing was changed.
error-last-admin = This is the last administrator who can sign in. Make another one first.
error-yourself = Administrators cannot block, delete or demote themselves. Another administrator can.
error-client-no-secret = This app has no secret. It proves who it is in another way, or not at all.
error-client-last-secret = This is the only secret that works. Make a new one first.
error-resource-no-secret = Tokens for this API are made without a secret.
error-key-is-next = The next key for this algorithm is published already.
error-key-gone = There is no such key in use. It may be retired already.
attention-one-admin = Only one administrator can sign in. Give somebody else the role too.
attention-old-secret = The secret of { $name } is more than a year old. Make a new one.
user-blocked-note = Blocked { $date }. Reason: { $reason }
long-ago = A while ago

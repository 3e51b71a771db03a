# Die Texte aller Seiten auf Deutsch.

## Jede Seite

description = Mit dem Countersign-Konto anmelden
title-admin = Countersign Verwaltung
skip = Zum Inhalt springen
languages = Sprache
area-account = Konto
area-admin = Verwaltung
sign-in = Anmelden
sign-out = Abmelden
cancel = Abbrechen
continue = Weiter
show = Zeigen
hide = Verbergen
error-prefix = Fehler:
errors-title = Etwas ist zu berichtigen.
request-code = Vorgangscode
nav-overview = Übersicht
nav-profile = Persönliche Angaben
nav-security = Sicherheit
nav-devices = Geräte
nav-apps = Verbundene Apps
nav-your-account = Ihr Konto
nav-dashboard = Überblick
nav-users = Benutzer
nav-clients = Clients
nav-resources = APIs
nav-issuers = Vertraute Aussteller
nav-keys = Schlüssel
nav-audit = Protokoll

## Zeiten

date = { $day }. { $month } { $year }
date-time = { $date }, { $time } UTC
month-1 = Januar
month-2 = Februar
month-3 = März
month-4 = April
month-5 = Mai
month-6 = Juni
month-7 = Juli
month-8 = August
month-9 = September
month-10 = Oktober
month-11 = November
month-12 = Dezember
ago-now = gerade eben
ago-minutes = { $count ->
    [one] vor 1 Minute
   *[other] vor { $count } Minuten
  }
ago-hours = { $count ->
    [one] vor 1 Stunde
   *[other] vor { $count } Stunden
  }
ago-days = { $count ->
    [one] gestern
   *[other] vor { $count } Tagen
  }
ago-months = { $count ->
    [one] vor 1 Monat
   *[other] vor { $count } Monaten
  }
ago-years = { $count ->
    [one] vor 1 Jahr
   *[other] vor { $count } Jahren
  }

## Anmelden

login-title-app = Bei { $app } anmelden
username-or-email = Benutzername oder E-Mail
password = Passwort
caps-lock = Die Feststelltaste ist an.
remember = Angemeldet bleiben
forgot = Passwort vergessen?
or = oder
sign-in-passkey = Mit Passkey anmelden
register = Neu hier? <a href="{ $url }">Konto anlegen</a>
sign-up-title = Konto anlegen
sign-up-title-app = Legen Sie ein Konto für { $app } an
sign-up-submit = Konto anlegen
sign-up-known = Sie haben ein Konto? <a href="{ $url }">Anmelden</a>
login-signed-up = Falls diese Adresse noch kein Konto hatte, hat sie jetzt eines. Melden Sie sich mit dem gewählten Passwort an.
login-wrong = <strong>Das hat nicht geklappt.</strong> Prüfen Sie Benutzername und Passwort und versuchen Sie es noch einmal.
login-wrong-recover = <strong>Das hat nicht geklappt.</strong> Prüfen Sie Benutzername und Passwort, oder <a href="{ $url }">setzen Sie das Passwort zurück</a>.
login-slow-down = <strong>Zu viele Versuche.</strong> Warten Sie { $seconds } Sekunden und versuchen Sie es dann noch einmal. Ihr Konto ist nicht gesperrt.
login-slow-down-passkey = Ein Passkey funktioniert auch jetzt.
login-blocked = <strong>Dieses Konto ist gesperrt.</strong> Fragen Sie die Betreiber dieses Dienstes. Vorgangscode <code>{ $code }</code>
login-blocked-contact = <strong>Dieses Konto ist gesperrt.</strong> Fragen Sie { $contact }. Vorgangscode <code>{ $code }</code>
login-too-old = <strong>Diese Anmeldeseite ist älter als { $minutes } Minuten.</strong> Die Anfrage der App ist noch da; melden Sie sich noch einmal an.
login-cookies-off = <strong>Ihr Browser hat keine Cookies gesendet.</strong> Erlauben Sie Cookies für diese Seite und melden Sie sich dann an.
login-again = <strong>Melden Sie sich noch einmal an.</strong> Dieser Schritt braucht eine Anmeldung von eben.

## Konto wählen

select-title = Konto wählen
select-for = um mit { $app } weiterzumachen
select-other = Anderes Konto verwenden
signed-in = Angemeldet

## Zustimmung

consent-title = { $app } erlauben?
consent-heading = { $app } möchte Ihr Konto verwenden
consent-from = Von <b>{ $domain }</b>
consent-verified = Bestätigte Domain
consent-unverified = Wir konnten nicht prüfen, wer diese App betreibt.
consent-on-device = Das ist eine App auf Ihrem Gerät. Machen Sie nur weiter, wenn Sie selbst damit begonnen haben.
not-you = Nicht Sie?
consent-able = Die App kann dann
consent-already = Schon erlaubt
consent-not-password = Ihr Passwort sieht sie <b>nicht</b>.
allow = Erlauben
consent-return = Es geht zurück zu { $destination }.
consent-return-device = Es geht zurück zur App auf Ihrem Gerät.
consent-revoke = Den Zugriff können Sie jederzeit unter <a href="/account/apps">Verbundene Apps</a> entfernen.
consent-privacy = Lesen Sie die <a href="{ $privacy }" rel="noopener">Datenschutzerklärung</a> der App.
consent-terms = Lesen Sie die <a href="{ $terms }" rel="noopener">Nutzungsbedingungen</a> der App.
consent-privacy-terms = Lesen Sie die <a href="{ $privacy }" rel="noopener">Datenschutzerklärung</a> und die <a href="{ $terms }" rel="noopener">Nutzungsbedingungen</a> der App.
scope-profile = Ihren Namen und Ihr Bild sehen
scope-email = Ihre E-Mail-Adresse sehen
scope-address = Ihre Postanschrift sehen
scope-phone = Ihre Telefonnummer sehen
scope-offline = Verbunden bleiben, wenn Sie nicht da sind
scope-offline-value = Bis Sie den Zugriff entfernen oder ihn 30 Tage nichts nutzt
scope-claim = Diese Angabe sehen: { $claim }
scope-unknown = „{ $scope }“ für Sie verwenden

## Geräte

device-title = Gerät verbinden
device-type = Geben Sie den Code ein, den Ihr Gerät zeigt.
device-compare = Prüfen Sie, ob Ihr Gerät diesen Code zeigt. Machen Sie dann weiter.
device-code = Code
device-code-hint = Acht Buchstaben. Leerzeichen, Striche und Großschreibung sind egal.
device-only-own = Geben Sie nur den Code eines Geräts ein, das Sie bei sich haben. Niemand sonst darf Sie danach fragen.
device-heading = Ein Gerät fragt danach
device-check = Machen Sie nur weiter, wenn Sie diesen Code auf Ihrem eigenen Gerät sehen.
device-asked = Gefragt { $asked } von { $address }. { $kind }.
device-return = Ihr Gerät macht von selbst weiter.
device-allowed-title = Ihr Gerät ist verbunden
device-allowed-text = { $app } macht von selbst weiter. Sie können diese Seite schließen.
device-denied-title = Sie haben abgelehnt
device-denied-text = { $app } bekommt keinen Zugriff. Sie können diese Seite schließen.
device-undecided-title = Es ist nichts passiert
device-undecided-text = { $app } wurde nicht verbunden. Der Code bleibt noch ein paar Minuten gültig.
device-used-title = Dieser Code wurde schon benutzt
device-used-text = Jemand hat entschieden, oder der Code ist zu alt. Beginnen Sie am Gerät neu.
device-again = Anderen Code eingeben

## Zurück zur App, und abmelden

returning-title = Zurück zu { $app }
returning-text = Sie sind auf dem Weg zurück. Wenn nichts geschieht, nehmen Sie die Schaltfläche.
returning-continue = Weiter zu { $app }
form-post-text = Noch ein Schritt bringt Ihre Antwort zur App. Wenn nichts geschieht, nehmen Sie die Schaltfläche.
signed-out-title = Sie sind abgemeldet
signing-out-text = Wir sagen Ihren Apps, dass Sie sich abgemeldet haben. Das dauert einen Moment.
signing-out-frame = Eine App meldet Sie ab
signed-out-text = Sie können diese Seite schließen. Apps können Sie noch eine Weile angemeldet halten.
sign-in-again = Wieder anmelden
logout-title = Möchten Sie sich abmelden?
logout-asked-by = { $app } möchte Sie abmelden.
logout-as = Sie sind angemeldet als <b>{ $email }</b>.
logout-text = Apps mit dieser Anmeldung fragen Sie danach wieder nach einer Anmeldung.
logout-stay = Angemeldet bleiben

## Fehler

error-kind-request = Fehler in der Anfrage
error-kind-logout = Fehler beim Abmelden
error-details = Einzelheiten für Entwickler
error-row-error = Fehler
error-row-sent = Gesendet
error-row-closest = Am ähnlichsten eingetragen
error-home = Zur Startseite
error-not-your-fault = Sie haben nichts falsch gemacht. Versuchen Sie es in der App noch einmal, oder nennen Sie ihrem Betreiber den Code unten.
error-redirect-title = Wir können Sie nicht zu dieser App zurückschicken
error-redirect-text = Die Adresse in der Anfrage ist für <b>{ $app }</b> nicht eingetragen. Zum Schutz Ihres Kontos geht es hier nicht weiter.
error-client-title = Wir kennen diese App nicht
error-client-text = Die App, die Sie hierher geschickt hat, ist bei uns nicht eingetragen.
error-request-title = Wir verstehen diese Anfrage nicht
error-request-text = Die App, die Sie hierher geschickt hat, möchte etwas, das wir nicht können.
error-again-title = Beginnen Sie noch einmal in der App
error-again-text = Dieser Schritt ist abgelaufen, schon verwendet, oder begann in einem anderen Browser.
error-again-advice = Gehen Sie zurück zur App und melden Sie sich von dort an.
error-form-title = Wir konnten dieses Formular nicht prüfen
error-form-text = Das Formular stammt nicht von einer Seite von uns, oder Ihre Anmeldung hat sich seither geändert.
error-form-advice = Gehen Sie zurück, laden Sie die Seite neu und wiederholen Sie den Schritt. Es wurde nichts geändert.
error-forbidden-title = Diese Seite ist für die Verwaltung
error-forbidden-text = Ihr Konto hat nicht die Rolle, die diese Seite braucht.
error-forbidden-advice = Wer das System verwaltet, kann Ihnen die Rolle geben.
error-missing-title = Hier ist nichts
error-missing-text = Die Adresse ist falsch, oder was hier war, ist weg.
error-missing-advice = Prüfen Sie die Adresse, oder beginnen Sie auf der Startseite.
error-slow-title = Zu viele Anfragen
error-slow-text = Aus Ihrem Netz kamen zu viele Anfragen.
error-slow-advice = Warten Sie eine Minute und versuchen Sie es dann noch einmal.
error-server-title = Bei uns ist etwas schiefgegangen
error-server-text = Wir konnten Ihre Anfrage nicht zu Ende bringen.
error-server-advice = Versuchen Sie es in einer Minute noch einmal. Bleibt es so, nennen Sie den Betreibern den Code unten.
error-setup-title = Dieser Link zur Einrichtung geht nicht
error-setup-text = Er wurde schon verwendet, ist älter als 30 Minuten, oder ist nicht vollständig.
error-setup-advice = Starten Sie den Server neu für einen neuen Link, oder legen Sie ein Konto auf der Befehlszeile an.
error-logout-title = So können wir Sie nicht abmelden
error-logout-text = Die Anfrage nennt eine Adresse oder ein Token, das nicht passt.
error-logout-advice = Sie können sich auf Ihrer Kontoseite abmelden.
difference-slash = unterscheidet sich im letzten „/“
difference-case = unterscheidet sich in der Großschreibung
difference-scheme = unterscheidet sich vor „://“
difference-host = unterscheidet sich im Hostnamen
difference-port = unterscheidet sich im Port
difference-path = unterscheidet sich im Pfad
difference-query = unterscheidet sich nach dem „?“
difference-fragment = unterscheidet sich nach dem „#“
difference-spelling = ist anders geschrieben

## Fehler in Formularen

problem-missing = Füllen Sie dieses Feld aus.
problem-too-long = Das ist zu lang.
problem-bad-character = Hier ist ein Zeichen, das nicht geht.
problem-email-invalid = Schreiben Sie eine E-Mail-Adresse wie name@example.org.
problem-email-taken = Ein anderes Konto hat diese E-Mail-Adresse.
problem-username-invalid = Nehmen Sie nur Buchstaben, Ziffern, Punkte, Striche und Unterstriche.
problem-username-taken = Ein anderes Konto hat diesen Benutzernamen.
problem-password-wrong = Das ist nicht Ihr jetziges Passwort.
problem-password-short = Nehmen Sie mindestens { $minimum } Zeichen.
problem-password-long = Dieses Passwort ist zu lang.
problem-passwords-differ = Die beiden Passwörter sind nicht gleich.
problem-password-same = Das ist Ihr jetziges Passwort. Wählen Sie ein anderes.
problem-password-common = Dieses Passwort steht in einer Liste häufiger Passwörter. Wählen Sie ein anderes.
problem-reason-missing = Schreiben Sie einen Grund.
problem-address-missing = Tragen Sie mindestens eine Rücksprungadresse ein.
problem-address-invalid = Zeile { $line }: Schreiben Sie die ganze Adresse, wie https://app.example.org/callback.
problem-address-insecure = Zeile { $line }: Nehmen Sie https. http geht nur für 127.0.0.1, [::1] und localhost.
problem-address-fragment = Zeile { $line }: Entfernen Sie den Teil ab „#“.
problem-address-wildcard = Zeile { $line }: Schreiben Sie die ganze Adresse. „*“ geht nicht.
problem-address-scheme = Zeile { $line }: Diese Art von Adresse geht nicht.
problem-scope-invalid = In einem Scope ist ein Zeichen, das nicht geht.
problem-list-invalid = Nehmen Sie nur Buchstaben, Ziffern, Punkte, Striche, Unterstriche und Doppelpunkte.
problem-last-admin = Das ist das letzte Konto mit Verwaltungsrechten. Bestimmen Sie erst ein anderes.
problem-date-invalid = Schreiben Sie ein Datum wie 2026-11-21.
problem-choice-invalid = Wählen Sie einen der Werte.
problem-invalid = Dieser Wert geht hier nicht.
problem-name-invalid = 1 bis 100 sichtbare Zeichen.
problem-claim-invalid = Dieser Wert passt hier nicht.
problem-reason-invalid = Höchstens 500 sichtbare Zeichen.
problem-yourself = Das geht nicht mit dem eigenen Konto. Das kann nur eine andere Person aus der Verwaltung.
problem-too-many = Das sind zu viele Einträge.
problem-user-code = Dieser Code stimmt nicht oder ist zu alt. Prüfen Sie den Code an Ihrem Gerät.
problem-too-many-codes = Zu viele falsche Codes. Warten Sie { $minutes } Minuten und versuchen Sie es dann erneut.
problem-slow-down = Zu viele Versuche. In { $seconds } Sekunden geht es weiter.
problem-client-id-invalid = 1 bis 64 Buchstaben, Ziffern, Punkte, Striche und Unterstriche.
problem-client-id-taken = Eine andere App hat diese Client-ID.
problem-link-invalid = Eine Adresse mit https angeben.
problem-grant-missing = Mindestens einen Grant-Typ wählen.
problem-grant-refresh = refresh_token braucht auch eine Art, bei der Menschen gefragt werden, etwa authorization_code.
problem-offline-scope = offline_access steht für ein Refresh-Token: Wählen Sie auch refresh_token, oder lassen Sie es weg.
problem-public-pkce = Eine App ohne Geheimnis braucht immer PKCE.
problem-grant-public = client_credentials braucht eine App, die sich ausweisen kann.
problem-exchange-nobody = Nennen Sie mindestens eine Ressource: Die App nutzt den Token-Tausch.
problem-exchange-depth = Geben Sie eine Zahl von 1 bis 4 an.
problem-attributes = Schreiben Sie ein JSON-Objekt aus höchstens 50 Texten, Zahlen, true oder false oder Listen von Texten.
problem-private-claim = Zeile { $line }: Schreiben Sie Name = Quelle. Ein registrierter Name behält seine Bedeutung; wählen Sie einen eigenen oder eine Adresse.
problem-issuer-own = Dieser Server bürgt nicht bei sich selbst.
problem-issuer-taken = Diesem Aussteller wird schon vertraut.
problem-issuer-keys = Geben Sie entweder die Adresse der Schlüssel oder die Schlüssel selbst an.
problem-issuer-user = Niemand hier hat diese Id, E-Mail-Adresse oder diesen Benutzernamen.
problem-response-invalid = Antworttypen mit „code“ gehören zu authorization_code und nur dazu.
problem-keys-twice = Entweder die Schlüssel oder ihre Adresse angeben, nicht beides.
problem-keys-missing = private_key_jwt braucht die öffentlichen Schlüssel der App oder deren Adresse.
problem-request-keys-missing = Signierte Anfragen brauchen die öffentlichen Schlüssel der App oder deren Adresse.
problem-enc-without-alg = Wählen Sie auch, wie der Schlüssel verschlüsselt wird.
problem-response-keys-missing = Verschlüsselte Antworten brauchen einen öffentlichen Schlüssel der App.
problem-profile = Das Profil der App erlaubt das nicht.
problem-keys-invalid = Das sind keine öffentlichen Schlüssel, die sich verwenden lassen.
problem-certificate-name = Mit tls_client_auth genau einen Namen des Zertifikats angeben, sonst keinen.
problem-lifetime-invalid = 30 bis 3600 Sekunden.
problem-refresh-missing = Dafür braucht die App den Grant-Typ refresh_token.
problem-last-secret = Das ist das einzige Geheimnis der App. Zuerst ein neues erstellen.
problem-identifier-invalid = Eine vollständige Adresse ohne #-Teil angeben, etwa https://api.example.com.
problem-identifier-taken = Eine andere API hat diese Kennung.
problem-scope-reserved = openid, profile, email, address, phone und offline_access gehören zu keiner API.
problem-details-invalid = Die Typen als JSON-Liste angeben; die Anleitung zu APIs zeigt eine.
problem-details-taken = Eine andere API erklärt einen dieser Typen.
problem-recipient-missing = Einen öffentlichen Schlüssel oder eine Adresse von Schlüsseln angeben, oder dir oder A256KW wählen.
problem-sector-missing = Die Rücksprungadressen liegen nicht alle auf einem Host. Geben Sie die Adresse eines Sektordokuments an.
problem-sector-invalid = Das Dokument unter dieser Adresse ist nicht lesbar, oder ihm fehlt eine Rücksprungadresse der App.
problem-front-channel-origin = Verwenden Sie Schema, Host und Port einer der Rücksprungadressen.
problem-encryption-keys = Die App hat keinen öffentlichen Schlüssel, der zur gewählten Verschlüsselung passt.

## Startseite und Einrichtung

home-title = Countersign
home-text = Ein Konto für Ihre Apps. Sie entscheiden, welche App was sieht.
home-issuer = Aussteller
home-discovery = Discovery-Dokument
setup-title = Das erste Verwaltungskonto anlegen
setup-text = Dieser Link geht einmal. Das Konto, das hier entsteht, darf alles.
setup-submit = Konto anlegen
email = E-Mail
name = Name
new-password = Neues Passwort
new-password-confirm = Neues Passwort noch einmal
new-password-hint = Mindestens { $minimum } Zeichen. Jedes Zeichen geht, ein langer Satz ist am besten.

## Was eben geschah

notice-profile-saved = Ihre Angaben sind gespeichert.
notice-password-changed = Ihr Passwort ist geändert. Alle anderen Geräte sind abgemeldet.
notice-session-ended = Das Gerät ist abgemeldet.
notice-other-sessions-ended = Alle anderen Geräte sind abgemeldet.
notice-access-removed = Die App hat keinen Zugriff mehr.
notice-user-created = Das Konto ist angelegt.
notice-user-saved = Das Konto ist gespeichert.
notice-user-blocked = Das Konto ist gesperrt, seine Tokens sind widerrufen.
notice-user-unblocked = Das Konto kann sich wieder anmelden. Die alten Tokens bleiben widerrufen.
notice-tokens-revoked = Alle Tokens des Kontos sind widerrufen.
notice-user-signed-out = Die Person ist abgemeldet.
notice-user-deleted = Das Konto ist gelöscht.
notice-client-saved = Die App ist gespeichert.
notice-client-enabled = Die App kann wieder verwendet werden.
notice-client-disabled = Die App ist abgeschaltet.
notice-client-deleted = Die App ist gelöscht.
notice-resource-saved = Die API ist gespeichert.
notice-resource-deleted = Die API ist gelöscht.
notice-issuer-saved = Der Aussteller ist gespeichert.
notice-issuer-deleted = Dem Aussteller wird nicht mehr vertraut.
notice-secret-retired = Das Geheimnis gilt nicht mehr.
notice-key-rotated = Ein neuer Schlüssel ist veröffentlicht. Wir benutzen ihn in 10 Minuten.
notice-key-retired = Der Schlüssel ist ausgemustert.

## Zustände

state-active = Aktiv
state-blocked = Gesperrt
state-disabled = Abgeschaltet

## Konto

overview-hello = Hallo, { $name }
overview-check-up = Sicherheits-Check
overview-newest = Neueste Ereignisse
overview-nothing = Es ist noch nichts geschehen.
check-done = Erledigt
check-to-do = Offen
check-review = Ansehen
check-password = Sie haben ein Passwort.
check-no-password = Sie haben kein Passwort.
check-email = Ihre E-Mail-Adresse ist bestätigt.
check-email-open = Ihre E-Mail-Adresse ist nicht bestätigt.
check-devices = { $count ->
    [one] Sie sind auf 1 Gerät angemeldet.
   *[other] Sie sind auf { $count } Geräten angemeldet.
  }
event-sign-in = Angemeldet
event-sign-in-failed = Anmeldung abgelehnt
event-sign-out = Abgemeldet
event-password = Passwort geändert
event-profile = Angaben geändert
event-consent = App erlaubt
event-access-removed = Zugriff einer App entfernt
event-created = Konto angelegt
event-blocked = Konto gesperrt
event-unblocked = Konto entsperrt
event-tokens-revoked = Tokens widerrufen
given-name = Vorname
family-name = Nachname
email-verified = Bestätigt
email-unverified = Nicht bestätigt
language-browser = Wie im Browser
theme = Farben
theme-device = Wie auf dem Gerät
theme-light = Hell
theme-dark = Dunkel
save = Speichern
password-changed = Zuletzt geändert: { $ago }
password-none = Sie haben kein Passwort.
change-password = Passwort ändern
set-password = Passwort setzen
current-password = Jetziges Passwort
password-ends = Die Änderung meldet Sie auf allen anderen Geräten ab und widerruft den Zugriff von Apps.
security-devices = Sehen, wo Sie angemeldet sind
devices-text = Diese Browser sind in Ihrem Konto angemeldet.
devices-this = Dieses Gerät
devices-detail = { $ip }. Angemeldet { $signed_in }. Zuletzt gesehen { $last_seen }
devices-end-others = Überall sonst abmelden
device = { $browser } auf { $system }
device-unknown = Unbekanntes Gerät
apps-text = Diese Apps dürfen Ihr Konto verwenden.
apps-none = Keine App verwendet Ihr Konto.
apps-since = Seit { $since }.
apps-last-used = Zuletzt verwendet: { $ago }.
apps-remove = Zugriff entfernen
apps-open = Öffnen

## Bestätigen

reason = Grund
reason-hint = Er kommt ins Protokoll.
end-session-title = { $name } abmelden?
end-session-text = Dieser Browser wird jetzt abgemeldet. Apps dort fragen nach einer neuen Anmeldung.
end-others-title = Überall sonst abmelden?
end-others-text = Jeder Browser außer diesem wird jetzt abgemeldet.
remove-access-title = Zugriff von { $name } entfernen?
remove-access-text = { $name } verliert jetzt den Zugriff und muss neu fragen.
block-user-title = { $name } sperren?
block-user-text = Meldet die Person überall ab und widerruft alle Tokens jetzt.
block-user-more = Sie kann sich nicht anmelden, bis Sie die Sperre aufheben.
block-user-button = Sperren
unblock-user-title = { $name } entsperren?
unblock-user-text = Eine Anmeldung ist wieder möglich. Tokens von vorher bleiben widerrufen.
unblock-user-button = Entsperren
revoke-tokens-title = Alle Tokens von { $name } widerrufen?
revoke-tokens-text = Apps verlieren jetzt den Zugriff. Die Person kann sich sofort wieder anmelden.
revoke-tokens-button = Alle Tokens widerrufen
sign-out-user-title = { $name } abmelden?
sign-out-user-text = Jeder Browser dieser Person wird jetzt abgemeldet.
sign-out-user-button = Überall abmelden
end-user-session-title = { $name } abmelden?
end-user-session-text = Dieser Browser der Person wird jetzt abgemeldet. Apps dort fragen nach einer neuen Anmeldung.
delete-user-title = { $name } löschen?
delete-user-text = Das Konto mit seinen Sitzungen und Zustimmungen wird jetzt gelöscht, und alle Tokens enden. Das Protokoll bleibt.
delete-user-more = Das lässt sich nicht rückgängig machen. Für eine Weile genügt es, die Person zu sperren.
delete-user-button = Person löschen
disable-client-title = { $name } abschalten?
disable-client-text = Niemand kann sich bei dieser App anmelden, und sie bekommt keine Tokens, bis Sie sie einschalten.
disable-client-button = Abschalten
enable-client-title = { $name } einschalten?
enable-client-text = Eine Anmeldung bei dieser App ist wieder möglich.
enable-client-button = Einschalten
delete-client-title = { $name } löschen?
delete-client-text = Die App, ihre Geheimnisse und alle Zustimmungen zu ihr werden jetzt gelöscht.
delete-client-more = Das lässt sich nicht rückgängig machen. Für eine Weile genügt es, sie abzuschalten.
delete-client-button = Löschen
delete-resource-title = { $name } löschen?
delete-resource-text = Für diese API wird kein Token mehr ausgestellt. Ausgestellte gelten, bis sie ablaufen.
delete-resource-button = Löschen
rotate-resource-secret-text = Tokens entstehen sofort mit dem neuen Geheimnis. Die API sollte beide annehmen, bis die früheren Tokens abgelaufen sind.
delete-issuer-title = { $name } nicht mehr vertrauen?
delete-issuer-text = Seine Zusicherungen ergeben keine Tokens mehr. Ausgegebene Tokens gelten, bis sie ablaufen.
delete-issuer-button = Nicht mehr vertrauen
rotate-secret-title = Neues Geheimnis für { $name } erzeugen?
rotate-secret-text = Das alte gilt weiter, bis Sie es ausmustern. So kann die App in Ruhe wechseln.
rotate-secret-button = Neues Geheimnis erzeugen
retire-secret-title = Altes Geheimnis von { $name } ausmustern?
retire-secret-text = Ein Dienst, der es noch verwendet, bekommt ab jetzt keine Tokens.
retire-secret-button = Altes Geheimnis ausmustern
rotate-key-title = Schlüssel für { $name } wechseln?
rotate-key-text = Apps sehen den neuen Schlüssel sofort; wir benutzen ihn in 10 Minuten.
rotate-now = Jetzt wechseln
retire-key-title = Schlüssel { $name } ausmustern?
retire-key-text = Tokens dieses Schlüssels gelten nicht mehr, sobald Dienste die Schlüssel neu holen. Was damit verschlüsselt ist, lässt sich nicht mehr öffnen.
retire-key-button = Schlüssel ausmustern

## Verwaltung

any = Alle
never = nie
none = keine
open = Öffnen
apply = Anwenden
search = Suche
status = Zustand
role = Rolle
roles = Rollen
groups = Gruppen
user = Benutzer
username = Benutzername
client = App
created = Angelegt
since = Seit
scopes = Scopes
actions = Aktionen
copy = Kopieren
copied = Kopiert
pages = Seiten
pages-first = Erste Seite
pages-next = Nächste Seite
last-sign-in = Letzte Anmeldung
last-seen = Zuletzt gesehen
last-used = Zuletzt verwendet
list-hint = Mit Kommas oder Zeilen trennen.
tile-sign-ins = Anmeldungen heute
tile-failed = Abgelehnt heute
tile-sessions = Aktive Sitzungen
tile-key-age = Alter des Schlüssels
tile-sign-ins-day = Anmeldungen
tile-failed-day = Abgelehnt
dashboard-attention = Braucht Aufmerksamkeit
dashboard-nothing = Nichts braucht Ihre Aufmerksamkeit.
dashboard-days = Anmeldungen der letzten 30 Tage
dashboard-table = Als Tabelle zeigen
dashboard-day = Tag
users-search = Name, E-Mail oder Id
users-new = Neuer Benutzer
users-create = Konto anlegen
users-summary = { $shown } von { $total } Benutzern
user-password-hint = Leer lassen, wenn die Person es später bekommt.
user-id = Id:
user-profile = Profil
user-attributes = Attribute für eigene Claims (JSON)
user-no-apps = Keine App verwendet dieses Konto.
user-all-audit = Alle Einträge
sessions = Sitzungen
sessions-none = Nirgends angemeldet.
device-column = Gerät
clients-text = Die Apps und Dienste, bei denen Menschen sich hiermit anmelden.
clients-new = Neue App
clients-create = App anlegen
clients-none = Es gibt noch keine Apps.
client-kind = Art
client-name = Name, den Menschen sehen
client-created = Angelegt
client-no-secret = Diese Art von App kann kein Geheimnis hüten und hat darum keines. Sie weist sich mit PKCE aus.
client-open = Seite der App öffnen
client-policy = Regeln
allowed-resources-label = APIs, für die sie Tokens verlangen darf: eine Kennung je Zeile; leer: nach ihren Scopes
resource-server-label = APIs, die sie bedient und deren Tokens sie prüfen darf: eine Kennung je Zeile
resources-text = Die Dienste, für die Access-Tokens ausgestellt werden.
resources-new = Neue API
resources-create = API anlegen
resources-none = Es gibt noch keine APIs. Tokens sind für die voreingestellte Audience.
resource-name = Name
resource-identifier = Kennung
resource-identifier-label = Kennung: ihr aud, eine vollständige Adresse; sie lässt sich später nicht ändern
resource-scopes = Scopes
resource-scopes-label = Scopes: einer je Zeile, mit den Worten, die Menschen lesen, etwa orders:read = Ihre Bestellungen sehen
resource-what = Was sie ist
resource-format = Format
resource-signed-alg = Signatur
resource-lifetime = Lebensdauer in Sekunden; leer: wie der Server sie hat
resource-status-list = Tokens sagen, wo ihr Status steht, für Dienste, die keine unserer Listen lesen
resource-secret-text = HS256, dir und A256KW brauchen ein Geheimnis der API; es entsteht beim Speichern.
resource-encryption = Verschlüsselung, für JWE
resource-encryption-alg = Schlüsselverwaltung
resource-encryption-enc = Inhalt
resource-alg-suiting = Was zum Schlüssel passt
resource-jwks-uri = Adresse ihrer öffentlichen Schlüssel
resource-jwk = Oder ihr öffentlicher Schlüssel als JWK
resource-details = Genaue Freigaben
resource-details-label = Typen genauer Freigaben (authorization details), als JSON-Liste (RFC 9396)
resource-claims = Eigene Claims
resource-claims-label = Claims in ihren Tokens: einer je Zeile, wie abteilung = user.department
claims-sources = Quellen: user.NAME, roles, groups, roles:ANFANG, groups:ANFANG, text:WORTE. Namen: eigene Wörter oder eine Adresse wie https://example.com/department.
preview-title = Tokens ansehen
preview-open = Tokens ansehen
preview-text = Was Tokens von einer Person sagen würden, die sich anmeldet und alles erlaubt. Kein Token wird ausgegeben.
preview-client = App: client_id
preview-resource = API: Kennung; leer: die Standard-Audience
preview-show = Zeigen
preview-access-token = Access Token
preview-id-token = ID Token
preview-size = { $bytes } Bytes
preview-large = Das Token ist länger als 4 KiB. Server und Proxys können Anfragen damit ablehnen: Lassen Sie Claims weg oder wählen Sie opake Tokens.
preview-sealed = Es ist verschlüsselt: Nur die App kann es lesen.
preview-no-client = Diese App gibt es nicht, oder sie ist aus.
preview-no-user = Niemand hier hat diese Id, E-Mail-Adresse oder diesen Benutzernamen, oder das Konto ist gesperrt.
preview-no-target = Die App darf keine Tokens für diese API verlangen.
details-types-label = Typen genauer Freigaben, die sie verlangen darf: einer je Zeile
resource-secret = Neues Geheimnis der API
resource-secret-once = Kopieren Sie das Geheimnis jetzt. Es wird einmal gezeigt.
issuers-text = Wer sonst für Personen bürgen darf: Ihre signierten Zusicherungen gelten als Grant (RFC 7523).
issuers-new = Neuer vertrauter Aussteller
issuers-none = Sonst wird niemandem vertraut.
issuer-name = Name
issuer-iss = Aussteller
issuer-iss-label = Aussteller: sein iss; es kann später nicht geändert werden
issuer-jwks-uri = Adresse seiner öffentlichen Schlüssel
issuer-jwks = Oder seine öffentlichen Schlüssel (JWK Set)
issuer-clients = Apps
issuer-clients-label = Apps, die seine Zusicherungen bringen dürfen: eine client_id je Zeile
issuer-scope = Das Höchste, was daraus wird; leer: der Scope der App
issuer-user-claim = Claim, der die Person nennt, für Subjekte, die unten nicht stehen
issuer-named-by = Womit er sie nennt
issuer-by-id = Id (sub)
issuer-by-username = Benutzername
issuer-by-email = Bestätigte E-Mail-Adresse
issuer-subjects = Wer seine Subjekte sind
issuer-subjects-text = Was hier steht, gilt vor dem Claim.
issuer-subject = Subjekt (sub)
issuer-user = Person
issuer-user-label = Person: Id, E-Mail oder Benutzername
issuer-map = Subjekt speichern
issuer-unmap = Subjekt entfernen
secret-age = Alter des Geheimnisses
kind-web = Webserver
kind-web-text = Läuft auf einem Server, der ein Geheimnis hüten kann, etwa eine Web-App mit Backend.
kind-spa = Single-Page
kind-spa-text = Läuft nur im Browser und kann darum kein Geheimnis hüten.
kind-native = Mobil oder Desktop
kind-native-text = Ist auf Telefon oder Rechner installiert und öffnet zur Anmeldung den Browser.
kind-machine = Maschine
kind-machine-text = Ein Dienst, der für sich selbst handelt, ohne eine Person.
wizard-type = Was für eine App ist es?
wizard-other-type = Andere Art wählen
redirect-uris = Name und Adressen
redirect-uris-label = Rücksprungadressen: eine je Zeile, genau so
post-logout-label = Adressen nach dem Abmelden: eine je Zeile
scopes-label = Scopes: mit Leerzeichen trennen
access = Zugriff
grant-types = Grant Types
require-pkce = PKCE verlangen
skip-consent = Zustimmung überspringen
proof-title = Schlüssel und Zertifikate
assertion-alg = Algorithmus seiner Assertions
jwks-label = Seine öffentlichen Schlüssel (ein JWK Set)
jwks-uri-label = Adresse seiner öffentlichen Schlüssel
certificate-names = Zertifikat: ein Name, für tls_client_auth
certificate-subject = Inhaber (Subject)
certificate-dns = DNS-Name
certificate-uri = URI
certificate-ip = IP-Adresse
certificate-email = E-Mail-Adresse
bound-tokens = An einen Schlüssel gebundene Tokens
certificate-bound = Access-Tokens an sein Zertifikat binden
dpop-bound = DPoP-Nachweis bei jeder Token-Anfrage verlangen
access-token-format = Access-Tokens
format-jwt = JWT, signiert
format-jwe = JWE, signiert und verschlüsselt
format-opaque = Undurchsichtig, nur über Introspection
id-token-alg = Signatur des ID-Tokens
auth-method = Ausweis des Clients
requests-title = Anfragen und Antworten
requests-required = Wie Anfragen sein müssen
require-pushed = Nur Anfragen annehmen, die die App vorher hinterlegt hat (PAR)
require-signed = Nur Anfragen annehmen, die die App signiert hat (JAR)
request-signing-alg = Signatur von Anfragen
request-encryption-alg = Verschlüsselung von Anfragen: Schlüssel
request-encryption-enc = Verschlüsselung von Anfragen: Inhalt
request-uris-label = Adressen von Anfrageobjekten: eine je Zeile
response-signing-alg = Signatur von Antworten als Token (JARM)
response-encryption-alg = Deren Verschlüsselung: Schlüssel
response-encryption-enc = Deren Verschlüsselung: Inhalt
choice-none = Keine
profile-label = Profil
profile-hint = Ein Profil hält die App als Ganzes an seine Regeln, was unten auch gewählt ist.
profile-none = Keines
profile-fapi2 = FAPI 2.0: Sicherheitsprofil
profile-fapi2-message-signing = FAPI 2.0: Sicherheitsprofil, und Anfragen sind signiert
choice-any = Beliebig
settings-title = Weitere Einstellungen
settings-about = Über die App
settings-sign-in = Anmeldung
settings-sign-out = Menschen abmelden
settings-keys = Schlüssel, Verschlüsselung und Signaturen
setting-none = Keine
setting-client-uri = Startseite
setting-logo-uri = Logo: Adresse eines Bildes
setting-policy-uri = Datenschutzerklärung
setting-tos-uri = Nutzungsbedingungen
setting-initiate-login-uri = Adresse, an der eine Anmeldung beginnen kann
setting-contacts = Kontakte: durch Leerzeichen getrennt
setting-response-types = Antworttypen
setting-default-max-age = Nach so vielen Sekunden neu anmelden
setting-require-auth-time = Immer sagen, wann sich die Person angemeldet hat
setting-default-acr-values = Anmeldestufen: durch Leerzeichen getrennt
setting-subject-type = Wie die App Menschen nennt (sub)
setting-sector-identifier-uri = Sektordokument für paarweise Namen
setting-back-channel = Adresse, die das Ende einer Sitzung erfährt (Back-Channel)
setting-back-channel-sid = Die App muss wissen, welche Sitzung (Back-Channel)
setting-front-channel = Adresse, die der Browser beim Abmelden lädt (Front-Channel)
setting-front-channel-sid = Die App muss wissen, welche Sitzung (Front-Channel)
setting-jwks-uri = Adresse der öffentlichen Schlüssel der App
setting-jwks = Öffentliche Schlüssel der App (JWK Set)
setting-id-token-alg = ID-Tokens verschlüsseln
setting-id-token-enc = Inhalt verschlüsselter ID-Tokens
setting-userinfo-signed = Userinfo signieren
setting-userinfo-alg = Userinfo verschlüsseln
setting-userinfo-enc = Inhalt verschlüsselter Userinfo
settings-claims = Eigene Claims
setting-access-token-claims = Claims in Access Tokens: einer je Zeile, wie abteilung = user.department
setting-id-token-claims = Claims in ID Tokens und Userinfo: einer je Zeile
settings-exchange = Token-Tausch
setting-exchange-audiences = Ressourcen, für die Tokens getauscht werden dürfen: mit Leerzeichen trennen
setting-exchange-scope = Das Höchste, was Tokens nach einem Tausch haben; leer: der Scope der App
setting-exchange-actors = Wer für Personen handeln darf (sub des actor_token): mit Leerzeichen trennen
setting-exchange-max-actors = Wie viele einer für den anderen handeln dürfen, 1 bis 4
setting-exchange-impersonation = Tokens dürfen offenlassen, wer handelt
setting-may-act = Wer allein mit Tokens handeln darf, die die App von Personen hat (may_act)
setting-introspection-signed = Antworten der Introspektion signieren
setting-introspection-alg = Antworten der Introspektion verschlüsseln
setting-introspection-enc = Inhalt verschlüsselter Antworten
secrets = Client-Geheimnisse
secret-new = Neues Client-Geheimnis
secret-once = <strong>Kopieren Sie das Geheimnis jetzt.</strong> Es wird einmal gezeigt. Wir behalten nur einen Hash.
messages-title = Nachrichten an die App
messages-text = Die App erfährt vom Ende einer Sitzung, wenn sie dafür eine Adresse hat.
message-kind = Nachricht
message-made = Erstellt
message-attempts = Versuche
message-next = Nächster Versuch
message-problem = Problem
message-arrived = Angekommen
message-waits = Unterwegs
message-given-up = Aufgegeben
secret-created = Erzeugt am { $date }
secret-expires = Endet am { $date }
secret-no-expiry = Gilt, bis Sie es ausmustern
snippets = In die App einbauen
snippet-env = Umgebung (.env)
snippet-oidc = Einstellungen jeder OpenID-Connect-Bibliothek
snippet-curl = Ein Token mit curl holen
test-sign-in = Anmeldung testen
initiate-login = Anmeldung bei der App beginnen
algorithm = Verfahren
key-next = Nächster
key-active = Aktiv
key-retiring = Läuft aus
key-retired = Ausgemustert
key-signs-from = In Gebrauch ab
key-leaves = Verlässt den Satz
audit-time = Zeit
audit-actor = Wer
audit-action = Aktion
audit-target = Ziel
audit-result = Ergebnis
audit-ip = IP-Adresse
audit-details = Einzelheiten
audit-from = Von
audit-to = Bis
audit-all = Alle zeigen
audit-none = Keine Einträge.
result-ok = OK
result-failed = Abgelehnt
export-csv = Als CSV
export-json = Als JSON

# Verwaltung: was nicht geht, und was zu tun ist
error-conflict-title = Das geht nicht
error-conflict-advice = Gehen Sie zurück und wählen Sie etwas anderes. Nichts wurde geändert.
error-last-admin = Das ist die letzte Person mit Verwaltungsrechten, die sich anmelden kann. Geben Sie die Rolle erst jemand anderem.
error-yourself = Sie können sich nicht selbst sperren, löschen oder die Verwaltungsrechte nehmen. Jemand anderes mit der Rolle kann es.
error-client-no-secret = Diese App hat kein Geheimnis. Sie weist sich anders aus oder gar nicht.
error-client-last-secret = Das ist das einzige gültige Geheimnis. Erzeugen Sie zuerst ein neues.
error-resource-no-secret = Tokens für diese API entstehen ohne ein Geheimnis.
error-key-is-next = Der nächste Schlüssel für dieses Verfahren ist schon veröffentlicht.
error-key-gone = Ein solcher Schlüssel ist nicht in Gebrauch. Vielleicht ist er schon zurückgezogen.
attention-one-admin = Nur eine Person mit Verwaltungsrechten kann sich anmelden. Geben Sie die Rolle noch jemandem.
attention-old-secret = Das Geheimnis von { $name } ist über ein Jahr alt. Erzeugen Sie ein neues.
user-blocked-note = Gesperrt { $date }. Grund: { $reason }
long-ago = Vor längerer Zeit

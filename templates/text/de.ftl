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

## Zurück zur App, und abmelden

returning-title = Zurück zu { $app }
returning-text = Sie sind auf dem Weg zurück. Wenn nichts geschieht, nehmen Sie die Schaltfläche.
returning-continue = Weiter zu { $app }
form-post-text = Noch ein Schritt bringt Ihre Antwort zur App. Wenn nichts geschieht, nehmen Sie die Schaltfläche.
signed-out-title = Sie sind abgemeldet
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
problem-reason-missing = Schreiben Sie einen Grund. Er kommt ins Protokoll.
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
notice-client-saved = Die App ist gespeichert.
notice-client-enabled = Die App kann wieder verwendet werden.
notice-client-disabled = Die App ist abgeschaltet.
notice-client-deleted = Die App ist gelöscht.
notice-secret-retired = Das Geheimnis gilt nicht mehr.
notice-key-rotated = Ein neuer Schlüssel ist veröffentlicht. Wir unterschreiben damit in 10 Minuten.
notice-key-retired = Der Schlüssel ist ausgemustert.

## Zustände

state-active = Aktiv
state-blocked = Gesperrt
state-disabled = Abgeschaltet

package webui

import "sync"

// texts are the pages' texts, English and German.
var texts = sync.OnceValue(func() map[string][2]string {
	return map[string][2]string{
		"api":         {"API", "API"},
		"device":      {"Sign a command line in", "Kommandozeile anmelden"},
		"sessions":    {"Browsers", "Browser"},
		"signed_in":   {"signed in as", "angemeldet als"},
		"sign_out":    {"Sign out", "Abmelden"},
		"skip":        {"Skip to the content", "Zum Inhalt springen"},
		"nav":         {"Pages", "Seiten"},
		"sign_in":     {"Sign in", "Anmelden"},
		"sign_in_ask": {"Another page led you here. Sign this browser in to Keyfob?", "Eine andere Seite hat hierher geführt. Diesen Browser bei Keyfob anmelden?"},
		"signed_out":  {"You are signed out", "Sie sind abgemeldet"},
		"come_back":   {"To sign in again, open a sign-in link: keyfob user link NAME prints one on the server's machine.", "Zum erneuten Anmelden einen Anmelde-Link öffnen: keyfob user link NAME gibt auf der Maschine des Servers einen aus."},

		"home":         {"Signed in", "Angemeldet"},
		"home_as":      {"You are signed in as", "Angemeldet als"},
		"home_what":    {"This browser approves what command lines ask for in your name. Secrets and accounts are kept with the command line.", "Dieser Browser stimmt dem zu, worum Kommandozeilen in Ihrem Namen bitten. Secrets und Konten werden mit der Kommandozeile gepflegt."},
		"home_login":   {"On a machine that has Keyfob, sign its command line in:", "Auf einem Rechner mit Keyfob dessen Kommandozeile anmelden:"},
		"home_approve": {"It shows a code. Type or check that code here, and approve:", "Sie zeigt einen Code. Diesen hier eintippen oder vergleichen und zustimmen:"},
		"home_next":    {"From then on it acts on your records here:", "Von da an arbeitet sie mit Ihren Daten hier:"},
		"home_reveal":  {"To show a value that is kept here, keyfob secret reveal NAME prints the address of a page; you approve on it.", "Um einen Wert zu zeigen, der hier liegt, druckt keyfob secret reveal NAME die Adresse einer Seite; dort stimmen Sie zu."},
		"home_out":     {"“Sign out” above ends the session of this browser. All browsers that are signed in as you, each with a way to end it:", "„Abmelden“ oben beendet die Sitzung dieses Browsers. Alle Browser, die als Sie angemeldet sind, jeder mit einem Knopf zum Beenden:"},
		"home_proxy":   {"The proxy in front of this server signs you in: sign out there. Browsers that a link signed in as you, each with a way to end it:", "Der Proxy vor diesem Server meldet Sie an: melden Sie sich dort ab. Browser, die ein Link als Sie angemeldet hat, jeder mit einem Knopf zum Beenden:"},

		"elsewhere":    {"Nobody is signed in at this address. In the browser that you signed in, open “Sign a command line in” and type the code there. If none is signed in, open a sign-in link: keyfob user link NAME prints one on the server's machine.", "Unter dieser Adresse ist niemand angemeldet. Öffnen Sie im angemeldeten Browser „Kommandozeile anmelden“ und tippen Sie den Code dort. Ist keiner angemeldet, öffnen Sie einen Anmelde-Link: keyfob user link NAME gibt auf der Maschine des Servers einen aus."},
		"device_code":  {"Code that the command line shows", "Code, den die Kommandozeile zeigt"},
		"go_on":        {"Continue", "Weiter"},
		"device_ask":   {"A command line wants to act for you:", "Eine Kommandozeile will für Sie handeln:"},
		"device_check": {"Approve only if you started keyfob login yourself and it shows this code:", "Nur zustimmen, wenn Sie keyfob login selbst gestartet haben und es diesen Code zeigt:"},
		"approve":      {"Approve", "Zustimmen"},
		"deny":         {"Deny", "Ablehnen"},
		"approved":     {"Approved", "Zugestimmt"},
		"denied":       {"Denied", "Abgelehnt"},
		"go_back":      {"You can close this page and go back to the command line.", "Sie können diese Seite schließen und zur Kommandozeile zurückkehren."},

		"stepup":       {"Show a value", "Einen Wert zeigen"},
		"stepup_ask":   {"Somebody who is signed in as you wants to see the value of", "Jemand, der als Sie angemeldet ist, will diesen Wert sehen:"},
		"stepup_org":   {"of the organisation", "der Organisation"},
		"stepup_check": {"Approve only if you asked for it, and the code is the same there:", "Nur zustimmen, wenn Sie danach gefragt haben und dort derselbe Code steht:"},
		"stepup_by":    {"asked by", "gefragt von"},
		"by_token":     {"the token", "dem Token"},
		"by_browser":   {"the browser", "dem Browser"},
		"by_proxy":     {"a browser that the proxy signed in", "einem Browser, den der Proxy angemeldet hat"},
		"by_gone":      {"that is gone", "den es nicht mehr gibt"},
		"made":         {"made", "angelegt"},
		"stepup_over":  {"This is decided already.", "Das ist schon entschieden."},
		"at":           {"at", "um"},

		"address": {"Address", "Adresse"}, "since": {"Signed in", "Angemeldet"},
		"until": {"Until", "Bis"}, "this_one": {"this one", "dieser"}, "over": {"over", "abgelaufen"},
		"none":     {"No browser is signed in.", "Kein Browser ist angemeldet."},
		"end_that": {"Sign out", "Abmelden"},

		"docs":       {"The API", "Die API"},
		"docs_intro": {"Programs call it with a token: Authorization: Bearer kfp_…  The same as a document:", "Programme rufen sie mit einem Token auf: Authorization: Bearer kfp_…  Dasselbe als Dokument:"},
		"parameter":  {"Parameter", "Parameter"}, "place": {"In", "Wo"}, "type": {"Type", "Typ"}, "meaning": {"Meaning", "Bedeutung"},
		"required": {"required", "nötig"}, "body": {"Body", "Inhalt"}, "answers": {"Answers", "Antworten"}, "field": {"Field", "Feld"}, "status": {"Status", "Status"},
		"contents": {"Contents", "Inhalt"},

		"error": {"That did not work", "Das ging nicht"}, "error_id": {"The log has the cause under", "Das Log nennt die Ursache unter"},
		"wait": {"Try again after this many seconds:", "Neuer Versuch nach so vielen Sekunden:"},

		"error.no_proof":          {"Nobody is signed in with this browser. Open a sign-in link first: keyfob user link NAME prints one on the server's machine.", "Mit diesem Browser ist niemand angemeldet. Öffnen Sie zuerst einen Anmelde-Link: keyfob user link NAME gibt auf der Maschine des Servers einen aus."},
		"error.bad_session":       {"This browser is not signed in any more. Open a sign-in link: keyfob user link NAME prints one on the server's machine.", "Dieser Browser ist nicht mehr angemeldet. Öffnen Sie einen Anmelde-Link: keyfob user link NAME gibt auf der Maschine des Servers einen aus."},
		"error.expired":           {"This is over. Ask for it again.", "Das ist abgelaufen. Fragen Sie noch einmal danach."},
		"error.bad_link":          {"This sign-in link was used already, is over, or never was one. Ask for another: keyfob user link NAME prints one on the server's machine.", "Dieser Anmelde-Link ist verbraucht, abgelaufen oder war nie einer. Ein neuer: keyfob user link NAME auf der Maschine des Servers."},
		"error.bad_code":          {"No login waits with this code. Look at the command line, and type what it shows.", "Mit diesem Code wartet keine Anmeldung. Tippen Sie, was die Kommandozeile zeigt."},
		"error.too_many_attempts": {"There were too many attempts from here.", "Von hier kamen zu viele Versuche."},
		"error.user_disabled":     {"This user is disabled. Ask one of your administrators.", "Dieser Benutzer ist gesperrt. Fragen Sie Ihre Administratoren."},
		"error.origin":            {"This form was not sent by a page of this server, so nothing was done.", "Dieses Formular kam nicht von einer Seite dieses Servers; es ist nichts geschehen."},
		"error.sign_in_again":     {"This browser asked for the value itself and signed in too long ago. Sign in again, or ask on a command line.", "Dieser Browser hat selbst nach dem Wert gefragt und ist zu lange angemeldet. Melden Sie sich neu an, oder fragen Sie auf einer Kommandozeile."},
		"error.decided":           {"This is decided already.", "Das ist schon entschieden."},
		"error.prefetch":          {"Sign-in links are opened by a person, not ahead of one.", "Anmelde-Links öffnet ein Mensch, nicht der Browser im Voraus."},
		"error.proxy_signed_in":   {"The proxy in front of this server has signed you in already. The link is still good: use its code with keyfob login, or open it past the proxy.", "Der Proxy vor diesem Server hat Sie schon angemeldet. Der Link gilt noch: nehmen Sie den Code mit keyfob login, oder öffnen Sie ihn am Proxy vorbei."},
		"error.no_page":           {"There is no such page.", "Diese Seite gibt es nicht."},
		"error.identity_header":   {"An identity header is believed from a proven proxy alone. Open this server through its proxy.", "Einem Identitäts-Header wird nur von einem ausgewiesenen Proxy geglaubt. Öffnen Sie den Server über seinen Proxy."},
		"error.internal":          {"A fault of Keyfob's own.", "Ein Fehler in Keyfob selbst."},
	}
})

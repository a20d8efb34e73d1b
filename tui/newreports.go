package tui

// reportsAt is the mailbox that is suggested for reports, before the @ of the domain.
const reportsAt = "tls-reports"

// suggestReports fills in where reports go, where nobody has typed that: a real answer,
// which stands until it is changed, and is said to be the form's.
func (n *newRollout) suggestReports(domain string) {
	if now := n.rua.field.value(); domain == "" || now != "" && now != n.suggested {
		return
	}
	n.suggested = "mailto:" + reportsAt + "@" + domain
	n.rua.field.set(n.suggested)
	n.noteReports()
}

// noteReports says of a suggestion that it is one, as long as it stands.
func (n *newRollout) noteReports() {
	n.rua.note = ""
	if n.suggested != "" && n.rua.field.value() == n.suggested {
		n.rua.note = "suggested, and used as it stands: make that mailbox, or type another"
	}
}

package finding

// Entry is one row of the catalogue: what a code means whenever it is met.
type Entry struct {
	Code     Code     `json:"code"`
	Severity Severity `json:"severity"`
	// Title names the kind of finding in a few words. A finding's own title
	// says what was seen instead.
	Title string `json:"title"`
	// Detail says what it means for the mail of the domain.
	Detail string `json:"detail"`
	// Fix says how it is mended; it is empty where nothing needs mending.
	Fix string `json:"fix,omitempty"`
	// Ref is the RFC section that rules; it is empty where practice rules.
	Ref string `json:"ref,omitempty"`
}

// Longest subject and title that a finding carries, in runes. Both hold text
// from outside: a name, a banner, a line of somebody's policy.
const (
	maxSubject = 300
	maxTitle   = 500
)

// New makes the finding of code about subject. Severity, detail, fix and
// reference come from the catalogue; title is the sentence that says what was
// seen. Subject and title pass through Clean. A code that the catalogue does
// not hold is a mistake of the program and panics.
func New(code Code, subject, title string) Finding {
	e, ok := Lookup(code)
	if !ok {
		panic("finding: code " + string(code) + " is not in the catalogue")
	}
	return Finding{
		Code:     code,
		Severity: e.Severity,
		Subject:  Clean(subject, maxSubject),
		Title:    Clean(title, maxTitle),
		Detail:   e.Detail,
		Fix:      e.Fix,
		Ref:      e.Ref,
	}
}

// As returns f with another severity.
func (f Finding) As(sev Severity) Finding {
	f.Severity = sev
	if sev == Pass {
		// What is fine has nothing to explain and nothing to mend.
		f.Detail, f.Fix = "", ""
	}
	return f
}

// Because returns f with another detail: what it means in this case.
func (f Finding) Because(detail string) Finding {
	f.Detail = Clean(detail, maxText)
	return f
}

// Mend returns f with another fix: how this case is mended.
func (f Finding) Mend(fix string) Finding {
	f.Fix = Clean(fix, maxText)
	return f
}

// maxText bounds a detail or fix, in runes.
const maxText = 1000

// At returns f placed at a line and column of the text it is about, both
// 1-based; the column counts bytes.
func (f Finding) At(line, column int) Finding {
	f.Line, f.Column = line, column
	return f
}

// Lookup returns the catalogue's entry for code.
func Lookup(code Code) (Entry, bool) {
	if code == "" {
		return Entry{}, false
	}
	for _, e := range chapter(code[0]) {
		if e.Code == code {
			return e, true
		}
	}
	return Entry{}, false
}

// Catalogue returns every entry, in the order of the rollout.
func Catalogue() []Entry {
	var all []Entry
	for _, letter := range []byte("PMRDHCTVEAO") {
		all = append(all, chapter(letter)...)
	}
	return all
}

// chapter returns the entries whose codes begin with letter. Callers copy what
// they hand out: the catalogue never changes.
func chapter(letter byte) []Entry {
	switch letter {
	case 'P':
		return preparation
	case 'M':
		return mailHosts
	case 'R':
		return reporting
	case 'D':
		return publishing
	case 'H':
		return policyHost
	case 'C':
		return policyContent
	case 'T':
		return stsRecord
	case 'V':
		return review
	case 'E':
		return enforcing
	case 'A':
		return raising
	case 'O':
		return operating
	}
	return nil
}

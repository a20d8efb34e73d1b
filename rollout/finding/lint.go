package finding

// Lint is what belay lint says of one text, and its JSON form.
type Lint struct {
	// Kind is what the text was read as: "policy", "sts-txt", "tlsrpt-txt",
	// "report" or "mx-match".
	Kind string `json:"kind"`
	// Verdict follows from the findings.
	Verdict Verdict `json:"verdict"`
	// Parsed is what could be read, also of a text that is rejected.
	Parsed any `json:"parsed"`
	// Findings carry the place in the text where there is one.
	Findings []Finding `json:"findings"`
}

// NewLint makes the result for a text of kind. Advice, which a check of a live
// domain gives as a warning though the text is right as it stands, is lowered
// to Info, so that the verdict is about the text alone.
func NewLint(kind string, parsed any, fs []Finding) Lint {
	out := make([]Finding, 0, len(fs))
	for _, f := range fs {
		if advice := f.Code == "R04" || f.Code == "R05"; advice && f.Severity == Warn {
			f = f.As(Info)
		}
		out = append(out, f)
	}
	return Lint{Kind: kind, Verdict: VerdictOf(out), Parsed: parsed, Findings: out}
}

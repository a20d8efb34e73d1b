# skips.awk ALLOWED SUITE ACCEPTANCE: which tests were skipped that should not have been. ALLOWED has a line for each test
# that may be: package, test, and why. The other two are what "go test -v" wrote. Exit 1 names the offenders.
function key(package, test) { return package " " test }
BEGIN { list = ARGV[1]; suite_log = ARGV[2]; acceptance_log = ARGV[3] }
FILENAME == list && !/^ *(#|$)/ {
	if (NF < 3) { print "skips-allowed: no reason given: " $0; bad = 1 }
	allowed[key($1, $2)] = 1
}
# go test -v names a test as it ends, and its package only when that has ended
FILENAME != list && $1 == "---" && $2 == "SKIP:" { skipped[++skips] = $3 }
FILENAME != list && $1 == "---" && $2 == "PASS:" { passed[++passes] = $3 }
FILENAME != list && /^(ok  |FAIL)\t/ {
	for (i = 1; i <= skips; i++) { k = key($2, skipped[i]); if (FILENAME == suite_log) suite[k] = 1; else acceptance[k] = 1 }
	for (i = 1; i <= passes; i++) if (FILENAME == acceptance_log) accepted[key($2, passed[i])] = 1
	closed[FILENAME]++; skips = passes = 0
}
END {
	if (!closed[suite_log] || !closed[acceptance_log]) { print "no test results to look at"; exit 1 }
	for (k in suite) if (!(k in accepted) && !(k in allowed)) { print "skipped: " k; bad = 1 }
	for (k in acceptance) if (!(k in allowed)) { print "skipped against the testbed: " k; bad = 1 }
	for (k in allowed) if (!(k in suite)) print "note: on the list, but not skipped: " k
	exit bad
}

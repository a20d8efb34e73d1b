package dns_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"testing"
)

// TestOwnLibrariesStandAlone: the libdns providers that belay brings could be
// published as they are. They import the standard library and libdns, nothing else.
func TestOwnLibrariesStandAlone(t *testing.T) {
	for _, library := range []string{"gandi", "dnscale"} {
		files, err := fs.Glob(os.DirFS(library), "*.go")
		if err != nil || len(files) == 0 {
			t.Fatalf("%s has %d files, %v", library, len(files), err)
		}
		for _, name := range files {
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			file, err := parser.ParseFile(token.NewFileSet(), library+"/"+name, nil, parser.ImportsOnly)
			if err != nil {
				t.Fatal(err)
			}
			for _, i := range file.Imports {
				path, err := strconv.Unquote(i.Path.Value)
				first, _, _ := strings.Cut(path, "/")
				if standard := !strings.Contains(first, ".") && first != "belay"; err != nil || !standard && path != "github.com/libdns/libdns" {
					t.Errorf("%s/%s imports %s", library, name, path)
				}
			}
		}
	}
}

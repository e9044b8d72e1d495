// Command keyfob keeps credentials and delivers them to the programs that run
// through it.
package main

import (
	"context"
	"os"

	"keyfob/internal/cli"
)

func main() { os.Exit(cli.Main(context.Background(), cli.OSEnv())) }

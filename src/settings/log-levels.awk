# conf/log-levels becomes rows of a table in C: LEVEL("warning", "warn", 4)
!/^#/ && NF == 3 { printf "LEVEL(\"%s\", \"%s\", %d)\n", $1, $2, $3 }

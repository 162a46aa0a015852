# conf/log-levels becomes rows of a table in C: {"warning", 4},
!/^#/ && NF == 3 { printf "{\"%s\", %d},\n", $1, $3 }

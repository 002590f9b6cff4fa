"""Getting data out: tables to files that spreadsheets and programs read, CDRs and totals to a Parquet data set."""

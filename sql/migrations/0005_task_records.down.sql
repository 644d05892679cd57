-- Back to runs that leave log lines only.

DROP TABLE task_execution_records;

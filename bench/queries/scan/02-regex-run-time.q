/run_time\s*=\s*0\.\d/

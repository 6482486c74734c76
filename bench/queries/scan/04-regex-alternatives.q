/self\.play\((Create|Write)\(/

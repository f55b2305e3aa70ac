import { DuckDBInstance } from '@duckdb/node-api';
const instance = await DuckDBInstance.create(process.argv[2], { access_mode: 'READ_ONLY' });
const connection = await instance.connect();
const reader = await connection.runAndReadAll(process.argv[3]);
console.log(JSON.stringify(reader.getRows().map((row) => row.map(String))));

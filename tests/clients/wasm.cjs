const fs = require('fs'), path = require('path');
const dist = path.join(__dirname, 'node_modules', '@duckdb', 'duckdb-wasm', 'dist');
const duckdb = require(path.join(dist, 'duckdb-node-blocking.cjs'));
(async () => {
  const bundle = (name) => ({ mainModule: path.join(dist, `duckdb-${name}.wasm`), mainWorker: '' });
  const db = await duckdb.createDuckDB({ mvp: bundle('mvp'), eh: bundle('eh') }, new duckdb.VoidLogger(), duckdb.NODE_RUNTIME);
  await db.instantiate(() => {});
  db.registerFileBuffer('published.duckdb', new Uint8Array(fs.readFileSync(process.argv[2])));
  db.open({ path: 'published.duckdb', accessMode: duckdb.DuckDBAccessMode.READ_ONLY });
  const rows = db.connect().query(process.argv[3]).toArray();
  console.log(JSON.stringify(rows.map((row) => Object.values(row.toJSON()).map(String))));
})();

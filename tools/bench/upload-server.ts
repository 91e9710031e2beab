import { startGcsServer, startS3Server } from '@nixery/storage/testing';

// A cloud on loopback, for the upload benchmark: prints its address, and ends with its standard input.

const server =
  process.argv[2] === 'gcs'
    ? await startGcsServer({ bucket: 'images' })
    : await startS3Server({ bucket: 'images' });
console.log(server.endpoint);
process.stdin.on('end', () => {
  void server.close();
});
process.stdin.resume();

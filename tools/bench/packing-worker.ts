// A thread that packs what it is told to, one layer after another.
import { packLayer, type PackLayerTask } from '@nixery/builder/layer';
import { parentPort as port } from 'node:worker_threads';

port?.on('message', (task: PackLayerTask) => {
  const before = process.threadCpuUsage();
  const result = packLayer(task);
  const { user, system } = process.threadCpuUsage(before);
  port?.postMessage({ result, cpuMs: (user + system) / 1000 });
});

import { compare } from 'bcryptjs';

export interface ComparePassword {
  readonly password: string;
  readonly hash: string;
}

/** Whether the hash is this password's. */
export default async function comparePassword({
  password,
  hash,
}: ComparePassword): Promise<boolean> {
  return await compare(password, hash);
}

import { Answerer } from './answerer.ts';

const answerer = new Answerer();

export default answerer.answer.bind(answerer);

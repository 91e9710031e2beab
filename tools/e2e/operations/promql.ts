import { parser } from '@prometheus-io/lezer-promql';

type SyntaxNode = ReturnType<typeof parser.parse>['topNode'];

/** A metric that a query reads, with the labels that the query wants of it. */
export interface Selection {
  readonly metric: string;
  readonly labels: readonly string[];
}

/**
 * What a query in PromQL reads.
 *
 * @throws Error for what is not PromQL
 */
export function selectionsOf(query: string): readonly Selection[] {
  const selections: Selection[] = [];
  function visit(node: SyntaxNode, grouping: readonly string[]): void {
    if (node.type.isError) throw new Error(`not PromQL at character ${node.from}: ${query}`);
    const inside = node.name === 'AggregateExpr' ? [...grouping, ...groupedBy(node)] : grouping;
    if (node.name === 'VectorSelector') {
      const matched = textsOf(node, 'LabelName');
      const [metric = ''] = textsOf(node, 'Identifier');
      selections.push({ metric, labels: [...new Set([...matched, ...inside])] });
      return;
    }
    for (let child = node.firstChild; child !== null; child = child.nextSibling)
      visit(child, inside);
  }
  function groupedBy(node: SyntaxNode): readonly string[] {
    const modifier = node.getChild('AggregateModifier');
    return modifier === null ? [] : textsOf(modifier, 'LabelName');
  }
  function textsOf(node: SyntaxNode, name: string): readonly string[] {
    const texts: string[] = [];
    node.cursor().iterate((inner) => {
      if (inner.type.isError) throw new Error(`not PromQL at character ${inner.from}: ${query}`);
      if (inner.name === name) texts.push(query.slice(inner.from, inner.to));
    });
    return texts;
  }
  visit(parser.parse(query).topNode, []);
  return selections;
}

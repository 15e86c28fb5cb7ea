// Where each local of an emitted forward begins and ends: what a planner of buffers needs.
using System.Collections.Generic;
using System.Linq;
using System.Text.RegularExpressions;

namespace Evo.Generators.Spec.Compiling;

internal static class Lifetimes
{
    public static IReadOnlyList<Life> Of(IReadOnlyList<Statement> body, IReadOnlyDictionary<string, string> elements)
    {
        var (made, read) = (new List<(string Name, int At)>(), new Dictionary<string, int>());
        var at = 0;
        Walk(body);
        return made.Where(m => elements.ContainsKey(m.Name))
            .Select(m => new Life(m.Name, elements[m.Name], m.At, read.TryGetValue(m.Name, out var last) ? last : m.At)).ToList();

        void Walk(IEnumerable<Statement> statements)
        {
            foreach (var statement in statements)
            {
                at++;
                switch (statement)
                {
                    case Let let:
                        Read(let.Value);
                        made.Add((let.Name, at));
                        break;
                    case Both both:
                        Read(both.Value);
                        made.Add((both.First.Name, at));
                        made.Add((both.Second.Name, at));
                        break;
                    case Assign assign:
                        Read(assign.Value);
                        break;
                    case Give give:
                        Read(give.Value);
                        break;
                    case Either either:
                        made.AddRange(either.Names.Select(n => (n, at)));
                        Walk(either.Then);
                        Walk(either.Else);
                        break;
                }
            }
        }

        void Read(string code)
        {
            foreach (Match word in Regex.Matches(code, "[A-Za-z_@][A-Za-z0-9_]*"))
            {
                read[word.Value] = at;
            }
        }
    }
}

// Gradients of tensors: asking for them, computing them, reading and setting them.
using Evo.Torch.Native;

namespace TorchSharp;

public static partial class torch
{
    public unsafe partial class Tensor
    {
        /// <summary>Whether operations on the tensor are recorded; may be set on leaves only.</summary>
        public bool requires_grad
        {
            get
            {
                var answer = NativeMethods.evo_requires_grad(Handle) != 0;
                GC.KeepAlive(this);
                return answer;
            }

            set
            {
                NativeFailure.Check(NativeMethods.evo_set_requires_grad(Handle, value ? 1 : 0), "requires_grad");
                GC.KeepAlive(this);
            }
        }

        /// <summary>Whether the tensor was made by the user and not by a recorded operation.</summary>
        public bool is_leaf
        {
            get
            {
                int answer;
                NativeFailure.Check(NativeMethods.evo_is_leaf(Handle, &answer), "is_leaf");
                GC.KeepAlive(this);
                return answer != 0;
            }
        }

        /// <summary>
        /// The gradient, or null. What is set is kept itself, not copied: backward adds to it in place, so that a
        /// view of a flat buffer collects gradients there.
        /// </summary>
        public Tensor? grad
        {
            get
            {
                nint found;
                NativeFailure.Check(NativeMethods.evo_grad(Handle, &found), "grad");
                GC.KeepAlive(this);
                return found == 0 ? null : new Tensor(found);
            }

            set
            {
                NativeFailure.Check(NativeMethods.evo_set_grad(Handle, value is null ? 0 : value.Handle), "grad");
                GC.KeepAlive(value);
                GC.KeepAlive(this);
            }
        }

        public Tensor requires_grad_(bool requires_grad = true)
        {
            this.requires_grad = requires_grad;
            return this;
        }

        public Tensor with_requires_grad(bool requires_grad = true) => requires_grad_(requires_grad);

        /// <summary>Keeps the gradient of a tensor that is not a leaf.</summary>
        public void retain_grad()
        {
            NativeFailure.Check(NativeMethods.evo_retain_grad(Handle), "retain_grad");
            GC.KeepAlive(this);
        }

        /// <summary>The same data without history.</summary>
        public Tensor detach() => Aten.detach(this);

        /// <summary>Forgets the history; gives this tensor.</summary>
        public Tensor detach_() => Aten.detach_(this);

        /// <summary>Adds the gradient of this number to every leaf that it was computed from.</summary>
        public void backward() => autograd.backward([this]);

        /// <summary>As <see cref="autograd.backward(IList{Tensor}, IList{Tensor}, bool?, bool, IList{Tensor})"/>.</summary>
        public void backward(
            IList<Tensor>? grad_tensors = null,
            bool retain_graph = false,
            bool create_graph = false,
            IList<Tensor>? inputs = null) => autograd.backward([this], grad_tensors, retain_graph, create_graph, inputs);
    }

    /// <summary>Differentiation.</summary>
    public static unsafe partial class autograd
    {
        /// <summary>Adds the gradients of tensors to the leaves that they were computed from.</summary>
        /// <param name="tensors">What is differentiated.</param>
        /// <param name="grad_tensors">The gradient of each; may be left out for single numbers.</param>
        /// <param name="retain_graph">Keep what the graph has saved, for another backward; default: create_graph.</param>
        /// <param name="create_graph">Record the backward itself.</param>
        /// <param name="inputs">Only these leaves get gradients; default: all.</param>
        public static void backward(
            IList<Tensor> tensors,
            IList<Tensor>? grad_tensors = null,
            bool? retain_graph = null,
            bool create_graph = false,
            IList<Tensor>? inputs = null)
        {
            var outputs = Handles(tensors, nameof(tensors));
            var gradients = Handles(grad_tensors, nameof(grad_tensors));
            var leaves = Handles(inputs, nameof(inputs));
            fixed (nint* o = outputs, g = gradients, i = leaves)
            {
                NativeFailure.Check(
                    NativeMethods.evo_backward(
                        o,
                        outputs.Length,
                        g,
                        gradients.Length,
                        (retain_graph ?? create_graph) ? 1 : 0,
                        create_graph ? 1 : 0,
                        i,
                        leaves.Length),
                    "backward");
            }

            GC.KeepAlive(tensors);
            GC.KeepAlive(grad_tensors);
            GC.KeepAlive(inputs);
        }

        public static void backward(
            Tensor tensor,
            IList<Tensor>? grad_tensors = null,
            bool? retain_graph = null,
            bool create_graph = false,
            IList<Tensor>? inputs = null) => backward([tensor], grad_tensors, retain_graph, create_graph, inputs);

        public static void backward(
            Tensor tensor,
            Tensor? grad_tensor,
            bool? retain_graph = null,
            bool create_graph = false,
            IList<Tensor>? inputs = null) =>
            backward([tensor], grad_tensor is null ? null : [grad_tensor], retain_graph, create_graph, inputs);

        /// <summary>The gradients of outputs with respect to inputs; nothing is added to any leaf.</summary>
        /// <returns>A gradient for each input; null for unused ones where <paramref name="allow_unused"/>.</returns>
        public static IList<Tensor> grad(
            IList<Tensor> outputs,
            IList<Tensor> inputs,
            IList<Tensor>? grad_outputs = null,
            bool retain_graph = false,
            bool create_graph = false,
            bool allow_unused = false)
        {
            var from = Handles(outputs, nameof(outputs));
            var to = Handles(inputs, nameof(inputs));
            var gradients = Handles(grad_outputs, nameof(grad_outputs));
            var results = new nint[to.Length];
            fixed (nint* o = from, i = to, g = gradients, r = results)
            {
                NativeFailure.Check(
                    NativeMethods.evo_gradients(
                        o,
                        from.Length,
                        i,
                        to.Length,
                        g,
                        gradients.Length,
                        retain_graph || create_graph ? 1 : 0,
                        create_graph ? 1 : 0,
                        allow_unused ? 1 : 0,
                        r),
                    "grad");
            }

            GC.KeepAlive(outputs);
            GC.KeepAlive(inputs);
            GC.KeepAlive(grad_outputs);
            return Array.ConvertAll(results, handle => handle == 0 ? null! : new Tensor(handle));
        }

        internal static nint[] Handles(IList<Tensor>? tensors, string name)
        {
            if (tensors is null)
            {
                return [];
            }

            var handles = new nint[tensors.Count];
            NativeValue.Handles([.. tensors], handles, mayBeNull: name == "grad_tensors" || name == "grad_outputs", name);
            return handles;
        }
    }
}

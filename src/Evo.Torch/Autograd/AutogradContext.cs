// What an autograd function written in .NET keeps between forward and backward.
using Evo.Torch.Native;

namespace TorchSharp;

public static partial class torch
{
    public static partial class autograd
    {
        /// <summary>Carries tensors and other values from a function's forward to its backward.</summary>
        public unsafe class AutogradContext : IDisposable
        {
            private readonly Dictionary<string, object> data = new(StringComparer.Ordinal);

            // The native context; set only while forward or backward runs.
            private nint native;

            internal AutogradContext()
            {
            }

            /// <summary>Whether missing gradients of outputs arrive in backward as zeros (the default) or as null.</summary>
            public bool MaterializeGrads { get; private set; } = true;

            /// <summary>Keeps tensors for backward; called once, in forward. Inputs and outputs only, others leak their graph.</summary>
            public void save_for_backward(List<Tensor> tensors) =>
                WithHandles(tensors, (context, handles, count) =>
                    NativeMethods.evo_context_save(context, (nint*)handles, count), nameof(save_for_backward));

            /// <summary>The tensors kept by forward, as new tensor objects.</summary>
            /// <exception cref="Evo.Torch.TorchException">One was changed in place since, or the graph was freed.</exception>
            public List<Tensor> get_saved_variables()
            {
                int count;
                NativeFailure.Check(NativeMethods.evo_context_saved(Native, null, 0, &count), "get_saved_variables");
                var handles = new nint[count];
                fixed (nint* h = handles)
                {
                    NativeFailure.Check(
                        NativeMethods.evo_context_saved(Native, h, count, &count), "get_saved_variables");
                }

                return [.. handles.Select(handle => handle == 0 ? null! : new Tensor(handle))];
            }

            /// <summary>Says which inputs forward has changed in place.</summary>
            public void mark_dirty(List<Tensor> tensors) =>
                WithHandles(tensors, (context, handles, count) =>
                    NativeMethods.evo_context_mark_dirty(context, (nint*)handles, count), nameof(mark_dirty));

            /// <summary>Says which outputs have no gradient.</summary>
            public void mark_non_differentiable(List<Tensor> tensors) =>
                WithHandles(tensors, (context, handles, count) =>
                    NativeMethods.evo_context_mark_non_differentiable(context, (nint*)handles, count), nameof(mark_non_differentiable));

            /// <summary>See <see cref="MaterializeGrads"/>; called in forward.</summary>
            public void set_materialize_grads(bool value)
            {
                MaterializeGrads = value;
                NativeMethods.evo_context_set_materialize_grads(Native, value ? 1 : 0);
            }

            /// <summary>Keeps any other value for backward.</summary>
            public void save_data(string key, object value) => data[key] = value;

            /// <summary>A value kept by <see cref="save_data"/>.</summary>
            /// <exception cref="KeyNotFoundException">Nothing was saved under that name.</exception>
            public object get_data(string key) => data.TryGetValue(key, out var value)
                ? value
                : throw new KeyNotFoundException($"the function saved nothing under '{key}'");

            public void Dispose()
            {
                Dispose(true);
                GC.SuppressFinalize(this);
            }

            /// <summary>The native side owns what is saved; only the managed values are let go.</summary>
            protected virtual void Dispose(bool disposing) => data.Clear();

            private nint Native => native != 0
                ? native
                : throw new InvalidOperationException("the context is usable only inside of forward and backward");

            internal Use Open(nint context) => new(this, context);

            private delegate int Send(nint context, nint handles, int count);

            private void WithHandles(List<Tensor> tensors, Send send, string name)
            {
                var handles = Handles(tensors, name);
                fixed (nint* h = handles)
                {
                    NativeFailure.Check(send(Native, (nint)h, handles.Length), name);
                }

                GC.KeepAlive(tensors);
            }

            internal readonly ref struct Use
            {
                private readonly AutogradContext owner;
                private readonly nint before;

                public Use(AutogradContext owner, nint context)
                {
                    this.owner = owner;
                    before = owner.native;
                    owner.native = context;
                }

                public void Dispose() => owner.native = before;
            }
        }
    }
}

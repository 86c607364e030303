import h5py,numpy as np,json,os
ramp=lambda shape,t: (np.arange(np.prod(shape))*0.25-3).reshape(shape).astype(t)
with h5py.File('datasets.h5','w') as f:
    g=f.create_group('a/b')
    g.create_dataset('f8',data=ramp((3,4),'<f8'))
    g.create_dataset('big_f4',data=ramp((3,4),'>f4'))
    g.create_dataset('f2',data=ramp((3,4),'<f2'))
    g.create_dataset('i1',data=np.array([-3,0,127],'i1'))
    g.create_dataset('u8',data=np.array([0,2**40],'u8'))
    g.create_dataset('bools',data=np.array([True,False,True]))
    g.create_dataset('scalar',data=np.float32(1.5))
    g.create_dataset('empty',data=np.zeros((0,4),'f4'))
    g.create_dataset('packed',data=ramp((7,5),'<f4'),chunks=(4,2),compression='gzip',shuffle=True,fletcher32=True)
    g.create_dataset('chunked',data=ramp((7,5),'<f4'),chunks=(2,5))
    g.create_dataset('text',data=b'no numbers')
    f.attrs['vlen']='of variable length: \u00e4'
    f.attrs['fixed']=np.array([b'one',b'three'])
    f.attrs['number']=3
    many=f.create_group('many')
    for i in range(60): many.create_dataset(f'd{i}',data=np.float32(i))
with h5py.File('newest.h5','w',libver='latest') as f:
    g=f.create_group('a'); g.create_dataset('f4',data=ramp((2,3),'<f4')); g.attrs['name']='new'
    g.create_dataset('packed',data=ramp((7,5),'<f4'),chunks=(4,2),compression='gzip')
def model(path,version='2.15.0',nan=False,wrong=False,missing=False):
    cfg={"class_name":"Sequential","config":{"name":"small","layers":[
      {"class_name":"QDense","config":{"name":"fc","batch_input_shape":[None,3],"units":2,"activation":"quantized_relu(4, 1)","use_bias":True,"kernel_quantizer":"quantized_bits(4,0,alpha='auto_po2')","bias_quantizer":{"class_name":"quantized_bits","config":{"bits":5,"integer":2,"keep_negative":False}}}},
      {"class_name":"Dropout","config":{"name":"drop","rate":0.5}},
      {"class_name":"BatchNormalization","config":{"name":"bn","axis":[1],"epsilon":0.002,"center":True,"scale":False}},
      {"class_name":"Activation","config":{"name":"act","activation":{"class_name":"quantized_tanh","config":{"bits":6,"symmetric":True}}}}]}}
    with h5py.File(path,'w') as f:
        f.attrs['keras_version']=version; f.attrs['backend']='tensorflow'
        f.attrs['model_config']=json.dumps(cfg); f.attrs['training_config']=json.dumps({"loss":"mse","lr":float('nan')})
        w=f.create_group('model_weights'); w.attrs['layer_names']=[b'fc',b'drop',b'bn',b'act']
        def layer(n,ws):
            g=w.create_group(n); g.attrs['weight_names']=[f'{n}/{k}:0'.encode() for k,_ in ws]
            for k,v in ws: g.create_dataset(f'{n}/{k}:0',data=v)
        kernel=ramp((3,2) if not wrong else (2,3),'f4')
        if nan: kernel[1,1]=np.nan
        layer('fc',[('kernel',kernel)]+([] if missing else [('bias',np.array([.5,-.5],'f4'))])); layer('drop',[])
        layer('bn',[('beta',np.array([1,2],'f4')),('moving_mean',np.array([.25,.5],'f4')),('moving_variance',np.array([4,9],'f4'))]); layer('act',[])
        f.create_group('optimizer_weights').create_dataset('iter',data=7)
model('whole.h5'); model('nan.h5',nan=True); model('wrong_shape.h5',wrong=True); model('missing.h5',missing=True)
